import { writeBlock } from './build.js';
import { misuse } from './caller.js';
import { checkDtype, type StoredDtype, storedDtypes } from './dtype.js';
import type { Block, Op } from './op.js';
import { arraysOf, InputPointer, OutputPointer, type Parameter } from './pointer.js';

/** An array that a kernel reads. */
export interface Input<D extends StoredDtype = StoredDtype> {
  readonly direction: 'input';
  readonly dtype: D;
}

/** An array that a kernel makes. */
export interface Output<D extends StoredDtype = StoredDtype> {
  readonly direction: 'output';
  readonly dtype: D;
}

/** A kernel's arrays by name: inputs first, then outputs. */
export type Signature = Readonly<Record<string, Input | Output>>;

/** What a kernel's function gets. */
export type Pointers<S extends Signature> = {
  readonly [K in keyof S]: S[K] extends Output ? OutputPointer : InputPointer;
};

/** A kernel as a list of operations, ready to be emitted or interpreted. */
export interface Kernel<S extends Signature = Signature> {
  /** Its name, that of the function in the emitted text. */
  readonly name: string;
  /** Its arrays. */
  readonly signature: S;
  /** Its arrays in their order. */
  readonly parameters: readonly Parameter[];
  /** @internal */
  readonly body: Block;
}

/** Declares an array that the kernel reads. */
export function input<D extends StoredDtype>(dtype: D): Input<D> {
  checkDtype('input', dtype, storedDtypes);
  return { direction: 'input', dtype };
}

/** Declares an array that the kernel makes. */
export function output<D extends StoredDtype>(dtype: D): Output<D> {
  checkDtype('output', dtype, storedDtypes);
  return { direction: 'output', dtype };
}

/**
 * Writes a kernel: a function that many programs run at once, each on tiles of its own.
 *
 * ```ts
 * const double = kernel('double', { x: input('float32'), y: output('float32') }, ({ x, y }) => {
 *   const at = programId().mul(128).add(arange(128));
 *   y.store(at, x.load(at).mul(2));
 * });
 * ```
 *
 * The function runs once, here, and its operations are recorded. Tile sizes and everything else that is known beforehand are
 * plain values of TypeScript, plain loops are unrolled, and plain functions are helpers.
 *
 * @param signature inputs, then outputs
 */
export function kernel<S extends Signature>(
  name: string,
  signature: S,
  write: (pointers: Pointers<S>) => void,
): Kernel<S> {
  checkName('kernel', name);
  const parameters = Object.entries(signature).map(([key, { dtype, direction }]): Parameter => {
    checkName(`kernel ${name}: parameter`, key);
    return { name: key, dtype, direction };
  });
  const firstOutput = parameters.findIndex(({ direction }) => direction === 'output');
  const late = parameters.find(
    ({ direction }, i) => direction === 'input' && firstOutput !== -1 && i > firstOutput,
  );
  if (late !== undefined) {
    throw misuse(
      `kernel ${name}`,
      `inputs come before outputs, but ${late.name} follows ${parameters[firstOutput].name}`,
    );
  }
  const pointers = Object.fromEntries(
    parameters.map((parameter) => [
      parameter.name,
      new (parameter.direction === 'output' ? OutputPointer : InputPointer)(parameter.dtype, {
        kind: 'array',
        parameter,
      }),
    ]),
  ) as Pointers<S>;
  const { block: body } = writeBlock(undefined, () => {
    const given: unknown = write(pointers);
    if (given !== undefined) {
      throw misuse(`kernel ${name}`, `a kernel returns nothing, it stores; got ${typeof given}`);
    }
  });
  const stored = storedIn(body.ops);
  const forgotten = parameters.find(({ direction, name }) => direction === 'output' && !stored.has(name));
  if (forgotten !== undefined)
    throw misuse(`kernel ${name}`, `nothing is stored to output ${forgotten.name}`);
  if (stored.size === 0) throw misuse(`kernel ${name}`, 'there is no output, so that it would do nothing');
  return { name, signature, parameters, body };
}

function storedIn(ops: readonly Op[]): Set<string> {
  return new Set(
    ops.flatMap((op) => {
      if (op.kind === 'loop') return [...storedIn(op.body.ops)];
      return op.kind === 'store' ? arraysOf(op.pointer.place).map(({ name }) => name) : [];
    }),
  );
}

function checkName(what: string, name: string): void {
  // Numbers alone name intermediate values in the emitted text.
  if (!/^[A-Za-z_]\w*$/.test(name)) {
    throw misuse(what, `a name is letters, digits and _, without a digit first; got '${name}'`);
  }
}
