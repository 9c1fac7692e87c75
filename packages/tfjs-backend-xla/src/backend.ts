import { type Client, type DeviceBuffer, PjrtError, type Plugin } from '@primal-attention/pjrt';
import {
  type BackendValues,
  type DataId,
  DataStorage,
  type DataType,
  engine,
  KernelBackend,
  type MemoryInfo,
  type Tensor,
  type TensorInfo,
} from '@tensorflow/tfjs-core';
import { attributesKey } from './attributes-key.js';
import type { XlaDevice } from './device.js';
import type { ExecutableCache } from './executables.js';
import { runOnHost } from './fallback.js';
import { type Fragment, fragmentOf } from './graph/fragment.js';
import { LazyGraph } from './graph/lazy-graph.js';
import { DataValue, type HostArray, newHostArray, type PendingValue } from './graph/values.js';
import type { Value } from './hlo/function-builder.js';
import { dtypeOf, elementOf, sameShape, sizeOf, type TensorType, tensorType } from './hlo/types.js';
import { type Compiled, compileFunction } from './jit/jit.js';
import { CallQueue } from './jit/queue.js';
import type { Trace } from './jit/trace.js';
import { type LoopStep, runLoop } from './loop/run-loop.js';
import { type Attributes, type Inputs, type Lowering, NotLowered, takesComplex } from './lowerings/table.js';
import type { Pacing } from './pacing.js';
import { autocast } from './precision/autocast.js';
import { widenBits } from './precision/bits.js';
import { type AutocastPrecision, type MatmulPrecision, Precision } from './precision/precision.js';
import { writeWithPlan } from './precision/storage-policy.js';
import { measure, tryProgram } from './tile/measure.js';
import type { TileProgram } from './tile/program.js';

/** What stands behind a tensor's data id. Tensors that are reshapes or clones of each other share it. */
export interface Entry {
  refCount: number;
  /** The array, of one of the shapes that its tensors have. Strings stay in `strings`. */
  value: DataValue | undefined;
  strings: BackendValues | undefined;
}

/**
 * The TensorFlow.js backend `xla`.
 *
 * It computes nothing itself. A kernel call is recorded in a graph; when a tensor is read, all pending tensors that are
 * still alive are computed by one program, which XLA compiles, or has compiled before for a graph of the same structure.
 * Values of tensors are inputs of such programs, so other numbers never mean another compilation.
 *
 * Pending work is also flushed by a limit on its size and after each update of a stock optimizer, so that loops which
 * read nothing run in constant memory with programs that repeat.
 */
export class XlaBackend extends KernelBackend {
  readonly client: Client;
  readonly plugin: Plugin;
  readonly executables: ExecutableCache;
  readonly entries: DataStorage<Entry>;
  /** The function that is being traced, if any: kernels are then recorded there. */
  trace: Trace | undefined;
  /** Asynchronous calls of compiled functions that are not over. */
  readonly calls = new CallQueue();
  readonly precision: Precision;
  readonly #device: XlaDevice;
  readonly #lazy: LazyGraph;
  #entryCount = 0;

  constructor(device: XlaDevice) {
    super();
    this.#device = device;
    this.#lazy = new LazyGraph(device);
    this.plugin = device.plugin;
    this.client = device.client;
    this.executables = device.executables;
    this.precision = new Precision(device.client.platformName);
    this.entries = new DataStorage<Entry>(this, engine());
  }

  // What tfjs asks of every backend

  override write(values: BackendValues, shape: number[], dtype: DataType): DataId {
    const dataId = {};
    this.move(dataId, values, shape, dtype, 1);
    const { value } = this.entries.get(dataId);
    if (value !== undefined) this.trace?.addConstant(value);
    return dataId;
  }

  override move(
    dataId: DataId,
    values: BackendValues,
    shape: number[],
    dtype: DataType,
    refCount: number,
  ): void {
    const element = elementOf(dtype);
    const entry: Entry = { refCount, value: undefined, strings: undefined };
    if (element === undefined) {
      if (dtype !== 'string') throw new Error(`xla backend: tensors of dtype ${dtype} are not supported`);
      entry.strings = values;
    } else {
      const value = new DataValue(tensorType(element, shape));
      value.host = toHostArray(values, dtype, dtype === 'complex64' ? 2 * sizeOf(shape) : sizeOf(shape));
      value.hold();
      entry.value = value;
    }
    this.entries.set(dataId, entry);
    this.#entryCount++;
  }

  override readSync(dataId: DataId): BackendValues {
    const entry = this.entries.get(dataId);
    if (entry.value === undefined) return entry.strings!;
    return this.hostArray(entry.value);
  }

  override async read(dataId: DataId): Promise<BackendValues> {
    const entry = this.entries.get(dataId);
    const value = entry.value;
    if (value === undefined) return entry.strings!;
    this.#refuseRead(value);
    // The tensor may be disposed, or its buffer donated, before the copy is done: hold it.
    value.hold();
    try {
      while (value.pending) await this.#lazy.flushAsync();
      if (value.failure !== undefined) throw value.failure;
      if (value.host !== undefined) return value.host;
      const target = newHostArray(value.type.element, sizeOf(value.type.shape));
      await this.deviceBuffer(value).toHostAsync(target);
      return widenBits(target);
    } finally {
      this.#release(value);
    }
  }

  override disposeData(dataId: DataId, force = false): boolean {
    if (!this.entries.has(dataId)) return true;
    const entry = this.entries.get(dataId);
    entry.refCount--;
    if (!force && entry.refCount > 0) return false;
    if (this.trace?.defersDisposal(dataId, entry.value)) return false;
    this.removeEntry(dataId, entry);
    return true;
  }

  removeEntry(dataId: DataId, entry: Entry): void {
    if (entry.value !== undefined) this.#release(entry.value);
    this.entries.delete(dataId);
    this.#entryCount--;
  }

  #release(value: DataValue): void {
    if (value.release()) this.#lazy.drop(value);
  }

  override incRef(dataId: DataId): void {
    this.entries.get(dataId).refCount++;
  }

  override refCount(dataId: DataId): number {
    return this.entries.has(dataId) ? this.entries.get(dataId).refCount : 0;
  }

  override numDataIds(): number {
    return this.#entryCount;
  }

  override memory(): Partial<MemoryInfo> & { unreliable: boolean } {
    return { unreliable: false };
  }

  override floatPrecision(): 16 | 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override timerAvailable(): boolean {
    return true;
  }

  /** Wall-clock time of computing everything that `f` records, compilation included. */
  override async time(f: () => void): Promise<{ kernelMs: number; wallMs: number }> {
    this.flush();
    const start = performance.now();
    f();
    this.flush();
    const elapsed = performance.now() - start;
    return { kernelMs: elapsed, wallMs: elapsed };
  }

  /** Lets go of pending work. The device and its compiled programs stay: tfjs makes a new backend when it resets. */
  override dispose(): void {
    this.#lazy.reset();
  }

  /** The values of a tensor if they can be had without computing or copying anything. */
  knownOnHost(info: TensorInfo): HostArray | undefined {
    return this.entries.get(info.dataId).value?.host;
  }

  // Recording

  /** Runs a kernel that has a lowering: records it. */
  runKernel(
    kernel: string,
    lowering: Lowering,
    inputs: Record<string, TensorInfo>,
    attrs: Attributes,
  ): TensorInfo[] {
    this.makeRoom();
    const names: string[] = [];
    const operands: DataValue[] = [];
    for (const name of Object.keys(inputs)) {
      const info = inputs[name];
      if (info == null) continue;
      if (info.dtype === 'string' || (info.dtype === 'complex64' && !takesComplex(kernel)))
        return this.#runOnHost(kernel, inputs, attrs);
      names.push(name);
      operands.push(this.operand(info));
    }
    let key = `${kernel}|${attributesKey(attrs)}`;
    for (let i = 0; i < operands.length; i++) key += `|${names[i]}:${operands[i].type.text}`;
    const plan = this.precision.plan(kernel, operands, inputs[names[0]]);
    if (plan !== undefined) key += `|${plan.operands}>${plan.products}>${plan.results}`;
    try {
      const results = this.record(key, kernel, operands, (b) => {
        const write = (operands: typeof b.parameters): Value | Value[] => {
          const values: Record<string, Value> = {};
          for (let i = 0; i < names.length; i++) values[names[i]] = operands[i];
          return lowering(b, values as Inputs, attrs);
        };
        return plan === undefined ? write(b.parameters) : writeWithPlan(b, plan, write);
      });
      // A kernel without a plan may store what it makes as bf16 all the same.
      if (plan === undefined && results.some(({ type }) => type.element === 'bf16'))
        this.precision.narrowed = true;
      return results.map((value) => this.tensorInfo(value));
    } catch (error) {
      if (error instanceof NotLowered) return this.#runOnHost(kernel, inputs, attrs);
      throw error;
    }
  }

  /** A tensor of the same contents in another shape. Outside a trace both share their data; nothing is computed. */
  view(info: TensorInfo, shape: number[]): TensorInfo {
    if (this.trace !== undefined && info.dtype !== 'string') {
      // A view of a variable must stay what it was when the variable is assigned, so it has data of its own.
      const value = this.operand(info);
      return this.tensorInfo(sameShape(value.type.shape, shape) ? value : this.reshape(value, shape));
    }
    this.incRef(info.dataId);
    return { dataId: info.dataId, shape, dtype: info.dtype };
  }

  #runOnHost(kernel: string, inputs: Record<string, TensorInfo>, attrs: Attributes): TensorInfo[] {
    const results = runOnHost(this, kernel, inputs, attrs);
    return Array.isArray(results) ? results : [results];
  }

  /** Adds a fragment to the graph, the trace's or the lazy one. */
  record(
    key: string,
    kernel: string,
    operands: readonly DataValue[],
    write: Parameters<typeof fragmentOf>[3],
  ): PendingValue[] {
    const fragment = fragmentOf(
      key,
      kernel,
      operands.map((value) => value.type),
      write,
    );
    return this.recordFragment(fragment, operands);
  }

  recordFragment(fragment: Fragment, operands: readonly DataValue[]): PendingValue[] {
    if (this.trace !== undefined) return this.trace.graph.add(fragment, operands);
    return this.#lazy.add(fragment, operands);
  }

  /** The value of a tensor in the shape that the tensor has. */
  operand(info: TensorInfo): DataValue {
    const entry = this.entries.get(info.dataId);
    let value = entry.value;
    if (value === undefined)
      throw new Error(`xla backend: a ${info.dtype} tensor cannot be used on the device`);
    if (value.failure !== undefined) throw value.failure;
    if (this.trace !== undefined) value = this.trace.operand(info, value);
    if (sameShape(value.type.shape, info.shape)) return value;
    return this.reshape(value, info.shape);
  }

  /** A value that is computed now although no tensor holds it. */
  materialise(value: DataValue): DataValue {
    if (value.pending) {
      this.#lazy.keep(value);
      this.flush();
    }
    return value;
  }

  reshape(value: DataValue, shape: readonly number[]): DataValue {
    const key = `Reshape|${shape.join('x')}|${value.type.text}`;
    return this.record(key, 'Reshape', [value], (b) => b.reshape(b.parameters[0], shape))[0];
  }

  /** True for a float tensor that is stored as bf16. */
  isNarrow(info: TensorInfo): boolean {
    return (
      this.precision.narrowed &&
      this.entries.has(info.dataId) &&
      this.entries.get(info.dataId).value?.type.element === 'bf16'
    );
  }

  /** A value in another float type. */
  convert(value: DataValue, element: 'f32' | 'bf16'): DataValue {
    if (value.type.element === element) return value;
    if (element === 'bf16') this.precision.narrowed = true;
    const key = `Convert|${element}|${value.type.text}`;
    return this.record(key, 'Convert', [value], (b) => b.convert(b.parameters[0], element))[0];
  }

  /** A tensor's data for a new value. */
  tensorInfo(value: DataValue): TensorInfo {
    const dataId = {};
    value.hold();
    this.#lazy.keep(value);
    this.entries.set(dataId, { refCount: 1, value, strings: undefined });
    this.#entryCount++;
    return { dataId, shape: [...value.type.shape], dtype: dtypeOf(value.type.element) };
  }

  // Computing

  /** Computes all pending tensors that are alive. */
  flush(): void {
    this.#lazy.flush();
  }

  /** Like {@link flush}, without blocking the event loop while something is compiled. */
  flushAsync(): Promise<void> {
    return this.#lazy.flushAsync();
  }

  get pacing(): Pacing {
    return this.#device.pacing;
  }

  /** Flushes pending work when it has grown to its limit; to be called before a kernel's operands are made. */
  makeRoom(): void {
    if (this.trace === undefined) this.#lazy.makeRoom();
  }

  adopt(handle: bigint, type: TensorType): DeviceBuffer {
    return this.#device.adopt(handle, type);
  }

  deviceBuffer(value: DataValue): DeviceBuffer {
    return this.#device.bufferOf(value);
  }

  /** The values of an array, computed and copied to the host if need be. */
  hostArray(value: DataValue): HostArray {
    this.#refuseRead(value);
    if (value.pending) this.flush();
    if (value.failure !== undefined) throw value.failure;
    if (value.host !== undefined) return value.host;
    if (value.buffer === undefined)
      throw new Error('xla backend: the tensor was disposed, or was made inside jit');
    const target = newHostArray(value.type.element, sizeOf(value.type.shape));
    value.buffer.toHost(target);
    return widenBits(target);
  }

  #refuseRead(value: DataValue): void {
    this.trace?.refuseRandomRead(value);
    if (this.trace?.hasNoContents(value)) {
      throw new Error(
        'jit: a tensor was read (data, dataSync, array, print, …) while the function was being compiled, when it has no ' +
          'value yet. Return it from the function and read it outside.',
      );
    }
  }

  // Compiling

  get tracing(): boolean {
    return this.trace !== undefined;
  }

  /** See `withMatmulPrecision` of @primal-attention/runtime. */
  withMatmulPrecision<R>(matmul: MatmulPrecision, fn: () => R): R {
    return this.precision.within({ matmul }, 'withMatmulPrecision', fn);
  }

  /** See `autocast` of @primal-attention/runtime. */
  autocast<R>(precision: AutocastPrecision, fn: () => R): R {
    return autocast(this, precision, fn);
  }

  /** See `jit` of @primal-attention/runtime. */
  jit<A extends unknown[], R>(fn: (...args: A) => R): Compiled<A, R> {
    return compileFunction(this, fn);
  }

  /** True where a device of its own computes, with memory of its own: a GPU. */
  get accelerated(): boolean {
    return this.client.platformName !== 'cpu';
  }

  /** Bytes of device memory at the highest so far; undefined where the device does not count (CPU). */
  devicePeakBytes(): number | undefined {
    try {
      return this.client.devices[0].memoryStats().peakBytesInUse;
    } catch (error) {
      if (error instanceof PjrtError && error.code === 'UNIMPLEMENTED') return undefined;
      throw error;
    }
  }

  /** Why the device runs no tile kernels, by a test that is made once; undefined where it does. */
  tileRefusal(): string | undefined {
    return this.#device.tileRefusal();
  }

  /** Milliseconds that one call of a tile kernel takes. @throws PjrtError when it does not compile or fit */
  measureTile(program: TileProgram): number {
    return measure(this.client, program);
  }

  /** Compiles a tile kernel, and no more. @throws PjrtError when it does not compile or fit */
  tryTile(program: TileProgram): void {
    tryProgram(this.client, program);
  }

  /** What was written under a name, with this plugin and device, by this process or an earlier one. */
  recall(name: string): string | undefined {
    return this.#device.notes.read(name);
  }

  /** Keeps a short text under a name, on disk where executables are kept. */
  remember(name: string, text: string): void {
    this.#device.notes.write(name, text);
  }

  /** A loop over axis 0 of `xs`, see `scan` of @primal-attention/runtime: one operation of the program. */
  scan(
    step: LoopStep,
    init: readonly Tensor[],
    xs: readonly Tensor[],
    options: { readonly length: number; readonly reverse: boolean },
  ): { carry: Tensor[]; ys: Tensor[] } {
    return runLoop(this, step, init, xs, options);
  }
}

function toHostArray(values: BackendValues, dtype: DataType, size: number): HostArray {
  if (values == null) throw new Error('xla backend: a tensor needs values');
  const list = values as ArrayLike<number>;
  if (list.length !== size) {
    throw new Error(`xla backend: ${size} values were expected, got ${list.length}`);
  }
  // A copy: the program may run, and read it, after the caller has put other numbers there.
  switch (dtype) {
    case 'float32':
    case 'complex64':
      return Float32Array.from(list);
    case 'int32':
      return Int32Array.from(list);
    default:
      return Uint8Array.from(list, (value) => (value ? 1 : 0));
  }
}
