import { byteSize, type DeviceBuffer } from '@primal-attention/pjrt';
import type { XlaBackend } from '../backend.js';
import { type DataValue, newHostArray, PendingValue } from '../graph/values.js';
import { sizeOf, type TensorType } from '../hlo/types.js';

/** Results up to this many bytes get their memory back: losses and metrics. */
const limit = 4096;

/**
 * The memory of a step's small result, such as its loss, from one call to the next.
 *
 * On a GPU, XLA runs a program as a CUDA graph, and writes all of it anew when an array lies elsewhere than at the call
 * before: 0.5 to 1 ms of the host for the 150 kernels of a training step. Weights are donated and stay where they are. A new
 * array for the loss at each call would not only move itself, but also move the program's temporary memory, which comes
 * from the same allocator. So the program has one more argument for each small result, whose memory the result takes: that of
 * the result before, once nobody needs it.
 */
export class ResultSlot {
  readonly #backend: XlaBackend;
  readonly #type: TensorType;
  /** What an earlier result left. */
  #free: DeviceBuffer | undefined;
  /** Stands in the argument list, and is not donated, where earlier results are still in use. */
  #placeholder: DeviceBuffer | undefined;
  #closed = false;

  constructor(backend: XlaBackend, type: TensorType) {
    this.#backend = backend;
    this.#type = type;
  }

  /** The argument where memory is not to be donated. */
  get placeholder(): DeviceBuffer {
    const { element, shape } = this.#type;
    this.#placeholder ??= this.#backend.client.toDevice(newHostArray(element, sizeOf(shape)), element, shape);
    return this.#placeholder;
  }

  /** Memory that the next result may have; undefined when there is none. */
  take(): DeviceBuffer | undefined {
    const free = this.#free;
    this.#free = undefined;
    // One whose program failed would fail the next one, too.
    if (!free?.failed) return free;
    free.dispose();
    return undefined;
  }

  /** Takes the memory of a result that nobody needs any more. */
  giveBack(buffer: DeviceBuffer): void {
    if (this.#closed || this.#free !== undefined) buffer.dispose();
    else this.#free = buffer;
  }

  /** Frees what is kept; memory that comes back later is freed then. */
  dispose(): void {
    this.#closed = true;
    this.#free?.dispose();
    this.#free = undefined;
    this.#placeholder?.dispose();
    this.#placeholder = undefined;
  }
}

/** Whether a result of a program that assigns variables gets a slot. */
export function deservesSlot(value: DataValue): boolean {
  return value instanceof PendingValue && byteSize(value.type.element, value.type.shape) <= limit;
}
