import { byteSize, type DeviceBuffer, type ElementType } from '@primal-attention/pjrt';
import type { TensorType } from '../hlo/types.js';
import type { Graph, Node } from './graph.js';

/** What a typed array of a tensor's values looks like on the host; real and imaginary parts of complex ones alternate. */
export type HostArray = Float32Array | Int32Array | Uint8Array;

/**
 * An array of the program: on the host, on the device, or yet to be computed.
 *
 * `holders` counts who needs its memory: tensors (through their data), graphs that read it, compiled functions that
 * captured it. The memory is freed when the last one lets go, and may be donated only when there is a single one.
 */
export class DataValue {
  holders = 0;
  host: HostArray | undefined;
  buffer: DeviceBuffer | undefined;
  /** Who gets the memory when nobody holds the value any more; without one it is freed. */
  heir: { giveBack(buffer: DeviceBuffer): void } | undefined;
  /** Why there is no value: the program that should have computed it failed. */
  failure: Error | undefined;

  constructor(readonly type: TensorType) {}

  get byteSize(): number {
    return byteSize(this.type.element, this.type.shape);
  }

  /** True while the value is only recorded. */
  get pending(): boolean {
    return false;
  }

  hold(): void {
    this.holders++;
  }

  /** @returns true when nobody holds the value any more: its memory is freed, or the heir's */
  release(): boolean {
    this.holders--;
    if (this.holders > 0) return false;
    if (this.buffer !== undefined && this.heir !== undefined) this.heir.giveBack(this.buffer);
    else this.buffer?.dispose();
    this.buffer = undefined;
    this.host = undefined;
    return true;
  }
}

/** The result of a recorded kernel. */
export class PendingValue extends DataValue {
  /** The graph that will compute it and the kernel there, until it has: a value must not keep its history alive. */
  graph: Graph | undefined;
  node: Node | undefined;
  readonly result: number;

  constructor(type: TensorType, graph: Graph, node: Node, result: number) {
    super(type);
    this.graph = graph;
    this.node = node;
    this.result = result;
  }

  override get pending(): boolean {
    return this.graph !== undefined;
  }

  /** Cuts the value off from the graph, whether it was computed or not. */
  detach(): void {
    this.graph = undefined;
    this.node = undefined;
  }
}

/** An input of a traced function: it has a type and a place in the argument list, but never a value. */
export class ParameterValue extends DataValue {}

/**
 * An array to copy a buffer into; numbers in bf16 come as bits.
 *
 * @throws Error for more elements than JavaScript's arrays can have
 */
export function newHostArray(element: ElementType, size: number): HostArray | Uint16Array {
  if (size > 2 ** 32) {
    throw new Error(
      `xla backend: a tensor of ${size} elements is too large to be read; read slices or reductions of it`,
    );
  }
  switch (element) {
    case 'f32':
      return new Float32Array(size);
    case 'i32':
      return new Int32Array(size);
    case 'i1':
      return new Uint8Array(size);
    case 'bf16':
      return new Uint16Array(size);
    case 'complex<f32>':
      return new Float32Array(2 * size);
    default:
      throw new Error(`no host array for the element type ${element}`);
  }
}
