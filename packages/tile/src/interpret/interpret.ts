import { type Grid, gridOf } from '../emit/tile-program.js';
import { integerRange, isInteger, type StoredDtype } from '../language/dtype.js';
import type { Input, Kernel, Output, Signature } from '../language/kernel.js';
import { sizeOf } from '../language/shape.js';
import { Compiler, type Program } from './compile.js';
import { Memory } from './memory.js';

type InputNames<S extends Signature> = { [K in keyof S]: S[K] extends Input ? K : never }[keyof S];
type OutputNames<S extends Signature> = { [K in keyof S]: S[K] extends Output ? K : never }[keyof S];

/** The array that holds values of a type: all floats are float32, rounded to what their type can hold. */
export type ArrayOf<D extends StoredDtype> = D extends 'int32'
  ? Int32Array
  : D extends 'uint32'
    ? Uint32Array
    : Float32Array;

/** On what a kernel is run. */
export interface Arguments<S extends Signature = Signature> {
  readonly grid: Grid;
  /** Row-major numbers, which are rounded to the type of the kernel's array. */
  readonly inputs: { readonly [K in InputNames<S>]: ArrayLike<number> };
  /** The shape, or the number of elements, of what the kernel makes. */
  readonly outputs: { readonly [K in OutputNames<S>]: number | readonly number[] };
  /** Outputs that are written over inputs: `{ output: 'input' }`. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Whether products at precision `tf32` round their operands so. Default true. */
  readonly roundTf32?: boolean;
}

/** What a kernel made. */
export type Results<S extends Signature = Signature> = {
  readonly [K in OutputNames<S>]: ArrayOf<S[K]['dtype']>;
};

/**
 * Runs a kernel without a GPU: all programs of the grid, one after the other, with the device's roundings.
 *
 * Exact to the bit are integers, single additions, subtractions and products of float32, and rounding to smaller floats. A
 * quotient of float32 may differ in its last bit, as may a product that goes into a sum, which a compiler makes one operation
 * with one rounding (where the sum nearly cancels, that bit of the product is more of the sum). Sums along an axis, products of
 * matrices and exp, exp2, log, erf, sqrt and rsqrt are rounded once, from double precision, where a device rounds on the way;
 * small numbers near 1e-38 are kept, which a device may flush to 0.
 *
 * @throws Error, with array, element, program and the kernel's line, when a program reads or writes outside an array, when two
 *   programs write the same element or one reads what another writes, when an element of an output is never written, and when
 *   an operation's result is undefined on a device; and with array and element, when an input of integers gets another number
 */
export function interpret<S extends Signature>(kernel: Kernel<S>, given: Arguments<S>): Results<S> {
  const caller = `interpret: ${kernel.name}`;
  const [x, y, z] = gridOf(caller, given.grid);
  const memories = memoriesOf(caller, kernel, given);
  const program: Program = { id: [0, 0, 0], number: 0 };
  const run = new Compiler(memories, program, { roundTf32: given.roundTf32 ?? true }).block(kernel.body.ops);
  for (let k = 0; k < z; k++) {
    for (let j = 0; j < y; j++) {
      for (let i = 0; i < x; i++) {
        program.id = [i, j, k];
        program.number = i + x * (j + y * k);
        run();
      }
    }
  }
  const made = kernel.parameters
    .filter(({ direction }) => direction === 'output')
    .map(({ name }) => {
      const memory = memories.get(name) as Memory;
      if (memory.unwritten !== undefined) {
        throw new Error(
          `${caller}: no program of the grid [${x}, ${y}, ${z}] writes ${name}[${memory.unwritten}]; on a device it would be anything`,
        );
      }
      return [name, memory.values];
    });
  return Object.fromEntries(made) as Results<S>;
}

function memoriesOf<S extends Signature>(
  caller: string,
  kernel: Kernel<S>,
  { inputs, outputs, aliases = {} }: Arguments<S>,
): Map<string, Memory> {
  const arrays: Readonly<Record<string, ArrayLike<number> | undefined>> = inputs;
  const sizes: Readonly<Record<string, number | readonly number[] | undefined>> = outputs;
  const named = (direction: 'input' | 'output'): string[] =>
    kernel.parameters.filter((p) => p.direction === direction).map(({ name }) => name);
  for (const [what, given, known] of [
    ['inputs', arrays, named('input')],
    ['outputs', sizes, named('output')],
  ] as const) {
    const unknown = Object.keys(given).find((name) => !known.includes(name));
    if (unknown !== undefined) {
      throw new Error(
        `${caller}: ${what}.${unknown} is no array of the kernel; there are ${known.join(', ')}`,
      );
    }
  }
  const memories = new Map<string, Memory>();
  for (const { name, dtype, direction } of kernel.parameters) {
    const from = direction === 'input' ? arrays[name] : undefined;
    if (direction === 'input') {
      if (from === undefined) throw new Error(`${caller}: inputs.${name} is missing`);
      const isWritten = Object.values(aliases).includes(name);
      checkIntegers(`${caller}: inputs.${name}`, dtype, from);
      memories.set(name, new Memory(name, dtype, { size: from.length, from, isWritten }));
      continue;
    }
    const size = sizes[name];
    if (size === undefined)
      throw new Error(`${caller}: outputs.${name} is missing: its shape or number of elements`);
    const over = aliases[name];
    const count = typeof size === 'number' ? size : sizeOf(size);
    memories.set(
      name,
      over === undefined
        ? new Memory(name, dtype, { size: count, isWritten: true })
        : aliased(caller, memories, name, over, dtype, count),
    );
  }
  return memories;
}

/** @throws Error at the first number that an array of integers would cut or wrap */
function checkIntegers(what: string, dtype: StoredDtype, given: ArrayLike<number>): void {
  if (!isInteger(dtype)) return;
  const [low, high] = integerRange(dtype);
  for (let i = 0; i < given.length; i++) {
    const value = given[i];
    if (Number.isInteger(value) && value >= low && value <= high) continue;
    throw new Error(`${what}[${i}] is ${value}, no ${dtype}; expected an integer in ${low}..${high}`);
  }
}

function aliased(
  caller: string,
  memories: ReadonlyMap<string, Memory>,
  name: string,
  over: string,
  dtype: StoredDtype,
  size: number,
): Memory {
  const memory = memories.get(over);
  if (memory?.dtype !== dtype || memory.values.length !== size) {
    throw new Error(
      `${caller}: aliases: ${name} can only take the memory of an input of its own type and size, got ${over}`,
    );
  }
  return memory;
}
