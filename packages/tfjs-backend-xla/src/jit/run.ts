import type { DeviceBuffer } from '@primal-attention/pjrt';
import { engine, keep, type Tensor, type Variable } from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';
import { DataValue } from '../graph/values.js';
import { sameShape, tensorType } from '../hlo/types.js';
import type { CompiledFunction } from './compile.js';
import { checkOptimizers, countIterations } from './optimizers.js';
import { freeRetired } from './signatures.js';
import type { Step } from './task.js';
import type { Source } from './trace.js';
import { pathOf, type TreeSpec, unflatten } from './tree.js';
import { withinBackend } from './within-backend.js';

/** The arguments of a call, taken apart. */
export interface Arguments {
  readonly spec: TreeSpec;
  readonly tensors: readonly Tensor[];
}

/** Starts a compiled function and takes its results, before they are computed where the plugin is asynchronous. */
export function run(backend: XlaBackend, compiled: CompiledFunction, args: Arguments): unknown {
  const { kept, reused } = collectInputs(backend, compiled, args, true);
  const results = takeResults(backend, compiled, compiled.executable.execute(kept), reused);
  return unflatten(compiled.result, results);
}

/**
 * {@link run} as a step of a task. Beside the event loop it waits for pending work and for room on the device.
 *
 * A plugin that runs a program before its execute function returns gets it on another thread. Nothing is donated then,
 * since the event loop goes on, and may read a variable, while the program runs. Whether that is so is measured. When the
 * event loop assigned a variable meanwhile that the program has read, the run was in vain: it is made again, blocking, lest
 * one of the two be lost.
 */
export class Run implements Step {
  readonly #backend: XlaBackend;
  readonly #compiled: CompiledFunction;
  readonly #args: Arguments;
  #result: { readonly value: unknown } | undefined;
  #started = false;

  constructor(backend: XlaBackend, compiled: CompiledFunction, args: Arguments) {
    this.#backend = backend;
    this.#compiled = compiled;
    this.#args = args;
  }

  get result(): unknown {
    return this.#result!.value;
  }

  now(): void {
    if (this.#started) return;
    const { kept, reused } = collectInputs(this.#backend, this.#compiled, this.#args, true);
    this.#started = true;
    this.#take(this.#compiled.executable.execute(kept), reused);
  }

  async later(): Promise<void> {
    const { pacing } = this.#backend;
    do {
      await this.#backend.flushAsync();
      await pacing.room();
    } while (!this.#started && hasPendingInputs(this.#backend, this.#compiled, this.#args));
    if (this.#started) return;
    if (pacing.startsAtOnce(this.#compiled.executable)) this.now();
    else await this.#onAnotherThread();
  }

  async #onAnotherThread(): Promise<void> {
    const { client, pacing } = this.#backend;
    const { executable } = this.#compiled;
    const { list, values, kept, reused } = collectInputs(this.#backend, this.#compiled, this.#args, false);
    const variables = valuesOfVariables(this.#backend, this.#compiled);
    for (const value of values) value.hold();
    // The call that this is a part of may be over before.
    this.#compiled.running++;
    let handles: BigUint64Array;
    try {
      // The list is the executable's own, which a plain call may fill meanwhile.
      handles = await pacing.executeAsync(executable, list.slice(), kept);
    } finally {
      for (const value of values) value.release();
      this.#compiled.running--;
      freeRetired(this.#compiled);
    }
    if (!this.#started && isUnchanged(this.#backend, variables)) this.#take(handles, reused);
    else for (let i = 0; i < executable.outputCount; i++) client.destroyBuffer(handles[i]);
    this.now();
  }

  #take(handles: BigUint64Array, reused: Passed['reused']): void {
    this.#started = true;
    this.#backend.pacing.note(this.#compiled.executable, handles);
    const results = withinBackend(this.#backend, () =>
      takeResults(this.#backend, this.#compiled, handles, reused, true),
    );
    // A plain call that could not wait may have brought this one to its end, inside of a tidy that is not the results'.
    for (const tensor of results) keep(tensor);
    this.#result = { value: unflatten(this.#compiled.result, results) };
  }
}

/** The values of the variables that a program reads. */
function valuesOfVariables(
  backend: XlaBackend,
  { sources }: CompiledFunction,
): ReadonlyMap<Variable, DataValue | undefined> {
  return new Map(
    sources.flatMap((source) =>
      source.kind === 'variable'
        ? [[source.variable, backend.entries.get(source.variable.dataId).value]]
        : [],
    ),
  );
}

/** Whether variables still have the values that they had. Those that are gone may not matter any more. */
function isUnchanged(backend: XlaBackend, variables: ReadonlyMap<Variable, DataValue | undefined>): boolean {
  for (const [variable, value] of variables) {
    if (isThere(variable) && backend.entries.get(variable.dataId).value !== value) return false;
  }
  return true;
}

/** tf.disposeVariables frees a variable's data and does not say so. */
function isThere(variable: Variable): boolean {
  return !variable.isDisposed && engine().state.tensorInfo.has(variable.dataId);
}

/** What a call passes to the program. */
interface Passed {
  /** The executable's argument list. */
  readonly list: BigUint64Array;
  /** The values of the sources. */
  readonly values: readonly DataValue[];
  /** Positions that must not be donated. */
  readonly kept: readonly number[];
  /** Memory of earlier results that the new ones take, by their indices. */
  readonly reused: readonly (DeviceBuffer | undefined)[];
}

/** Fills the executable's argument list. @param donate whether anything may be donated at all */
function collectInputs(
  backend: XlaBackend,
  { executable, sources, donated, optimizers, slots }: CompiledFunction,
  args: Arguments,
  donate: boolean,
): Passed {
  checkOptimizers(optimizers);
  const reserved = slots.filter((slot) => slot !== undefined).length;
  const list = executable.argumentList(sources.length + reserved);
  const values = new Array<DataValue>(sources.length);
  const used = new Set<DataValue>();
  for (let i = 0; i < sources.length; i++) {
    const value = readSource(backend, sources[i], args);
    values[i] = value;
    if (sources[i].kind !== 'variable') used.add(value);
    list[i] = backend.deviceBuffer(value).handle;
  }
  const kept: number[] = [];
  for (const i of donated) {
    const { variable } = sources[i] as Extract<Source, { kind: 'variable' }>;
    const { refCount, value } = backend.entries.get(variable.dataId);
    const exclusive = refCount === 1 && value === values[i] && value.holders === 1;
    if (!donate || !exclusive || used.has(value)) kept.push(i);
  }
  let position = sources.length;
  const reused = slots.map((slot) => {
    if (slot === undefined) return undefined;
    const buffer = donate ? slot.take() : undefined;
    if (buffer === undefined) kept.push(position);
    list[position++] = (buffer ?? slot.placeholder).handle;
    return buffer;
  });
  return { list, values, kept, reused };
}

/**
 * Gives variables and results what a program returned.
 *
 * @param late whether variables may be gone that were there when the program started
 */
function takeResults(
  backend: XlaBackend,
  compiled: CompiledFunction,
  handles: BigUint64Array,
  reused: Passed['reused'],
  late = false,
): Tensor[] {
  const resultCount = compiled.resultTypes.length;
  // The list of handles may be the executable's own: nothing below runs it again before they are all taken.
  for (let i = 0; i < compiled.assigned.length; i++) {
    const handle = handles[resultCount + i];
    if ((late || compiled.unread.has(i)) && !isThere(compiled.assigned[i]))
      backend.client.destroyBuffer(handle);
    else updateVariable(backend, compiled.assigned[i], handle);
  }
  countIterations(compiled.optimizers);
  return compiled.resultTypes.map((type, i) => {
    const value = new DataValue(type);
    const buffer = reused[i];
    buffer?.replace(handles[i]);
    value.buffer = buffer ?? backend.adopt(handles[i], type);
    value.heir = compiled.slots[i];
    return engine().makeTensorFromTensorInfo(backend.tensorInfo(value));
  });
}

function hasPendingInputs(backend: XlaBackend, { sources }: CompiledFunction, args: Arguments): boolean {
  return sources.some((source) => {
    if (source.kind === 'literal') return false;
    return entryOf(backend, source, args).value?.pending ?? false;
  });
}

function entryOf(
  backend: XlaBackend,
  source: Exclude<Source, { kind: 'literal' }>,
  { spec, tensors }: Arguments,
): { value: DataValue | undefined; shape: readonly number[] | undefined } {
  switch (source.kind) {
    case 'argument': {
      const { index } = source;
      const tensor = tensors[index];
      if (tensor.isDisposed) {
        const path = pathOf(spec, (leaf) => leaf.kind === 'tensor' && leaf.index === index);
        throw new Error(`jit: ${path} (${tensor.dtype} [${tensor.shape}]) is disposed`);
      }
      return { value: backend.entries.get(tensor.dataId).value, shape: tensor.shape };
    }
    case 'variable': {
      const { variable } = source;
      if (!isThere(variable)) {
        throw new Error(`jit: variable '${variable.name}', which the function reads, is disposed`);
      }
      return { value: backend.entries.get(variable.dataId).value, shape: variable.shape };
    }
    case 'captured':
      // The tensor may be on another backend meanwhile; asking for its entry brings it back.
      if (!engine().state.tensorInfo.has(source.dataId)) {
        throw new Error(
          `jit: a tensor (${source.description}) that the function captured is disposed; keep it (tf.keep), or pass it as an argument`,
        );
      }
      return { value: backend.entries.get(source.dataId).value, shape: undefined };
  }
}

/** The value that an input has at this call. */
export function readSource(backend: XlaBackend, source: Source, args: Arguments): DataValue {
  if (source.kind === 'literal') return source.value;
  const entry = entryOf(backend, source, args);
  const value = source.kind === 'argument' ? wide(backend, entry.value!) : entry.value!;
  const read = entry.shape === undefined ? value : inShape(backend, value, entry.shape);
  if (read.pending) backend.flush();
  return read;
}

/** Arguments are float32: one that an autocast stored as bf16 is converted. */
function wide(backend: XlaBackend, value: DataValue): DataValue {
  return value.type.element === 'bf16' ? backend.materialise(backend.convert(value, 'f32')) : value;
}

function inShape(backend: XlaBackend, value: DataValue, shape: readonly number[]): DataValue {
  return sameShape(value.type.shape, shape) ? value : backend.materialise(backend.reshape(value, shape));
}

/** Gives a variable the result of a program: in place where nothing else holds its memory. */
function updateVariable(backend: XlaBackend, variable: Variable, handle: bigint): void {
  const entry = backend.entries.get(variable.dataId);
  const value = entry.value!;
  if (entry.refCount === 1 && value.holders === 1 && sameShape(value.type.shape, variable.shape)) {
    if (value.buffer === undefined) value.buffer = backend.adopt(handle, value.type);
    else value.buffer.replace(handle);
    value.host = undefined;
    return;
  }
  assignBuffer(backend, variable, handle, tensorType(value.type.element, variable.shape));
}

export function assignBuffer(
  backend: XlaBackend,
  variable: Variable,
  handle: bigint,
  type: DataValue['type'],
): void {
  const value = new DataValue(type);
  value.buffer = backend.adopt(handle, type);
  const tensor = engine().makeTensorFromTensorInfo(backend.tensorInfo(value));
  variable.assign(tensor);
  tensor.dispose();
}
