import { Args } from './args.js';
import type { Client } from './client.js';
import { byteSize, type ElementType } from './dtype.js';
import { ReadyEvent } from './ready-event.js';

/** A native object's handle, 0 when it was freed. What a finaliser gets, so that replacing a handle costs it nothing. */
export interface NativeHandle {
  handle: bigint;
}

/**
 * An array in a device's memory. Owns its native buffer: {@link dispose} frees it, and the garbage collector does
 * when the last reference is gone.
 */
export class DeviceBuffer {
  readonly #native: NativeHandle;
  readonly #client: Client;

  /** Takes ownership of a native buffer. */
  constructor(
    client: Client,
    handle: bigint,
    readonly type: ElementType,
    readonly shape: readonly number[],
  ) {
    this.#client = client;
    this.#native = { handle };
    client.bufferFinalizer.register(this, this.#native);
  }

  /** The native handle, for an argument list. @throws Error when the buffer was disposed */
  get handle(): bigint {
    const { handle } = this.#native;
    if (handle === 0n) throw new Error('DeviceBuffer: the buffer was disposed');
    return handle;
  }

  get disposed(): boolean {
    return this.#native.handle === 0n;
  }

  /** Whether the program that should have computed the array failed, as far as is known yet; nothing is waited for. */
  get failed(): boolean {
    const event = new ReadyEvent(this.#client, this.handle);
    try {
      return event.failed;
    } finally {
      event.dispose();
    }
  }

  get byteSize(): number {
    return byteSize(this.type, this.shape);
  }

  /**
   * Lets this object stand for another native buffer, of the same type and shape, and frees the one before (which a
   * program may have consumed). A training step replaces hundreds of buffers, and this spares it as many objects.
   */
  replace(handle: bigint): void {
    this.#client.destroyBuffer(this.handle);
    this.#native.handle = handle;
  }

  /** Copies the array into `target`, waiting for the programs that compute it. Row-major order. */
  toHost(target: ArrayBufferView): void {
    if (this.byteSize === 0) return;
    const library = this.#client.library;
    const event = library.call('Buffer_ToHostBuffer', this.#copyArgs(target)).word(48);
    try {
      library.call('Event_Await', new Args(24).setWord(16, event));
    } finally {
      library.call('Event_Destroy', new Args(24).setWord(16, event));
    }
  }

  /** Like {@link toHost}, without blocking the event loop. `target` must not be used before it resolves. */
  async toHostAsync(target: ArrayBufferView): Promise<void> {
    if (this.byteSize === 0) return;
    const library = this.#client.library;
    const args = this.#copyArgs(target);
    const event = library.call('Buffer_ToHostBuffer', args).word(48);
    const wait = new Args(24).setWord(16, event);
    try {
      await library.callAsync('Event_Await', wait);
    } finally {
      library.call('Event_Destroy', new Args(24).setWord(16, event));
      // Using the struct down here keeps it, and with it the target, out of the garbage collector's reach until now.
      args.setWord(32, 0);
    }
  }

  #copyArgs(target: ArrayBufferView): Args {
    if (target.byteLength < this.byteSize) {
      throw new Error(
        `DeviceBuffer.toHost: the target has ${target.byteLength} bytes, but ${this.type} [${this.shape}] takes ${this.byteSize}`,
      );
    }
    return new Args(56).setWord(16, this.handle).setPointer(32, target).setWord(40, target.byteLength);
  }

  /** Frees the memory on the device. A second call does nothing. */
  dispose(): void {
    const { handle } = this.#native;
    if (handle === 0n) return;
    this.#native.handle = 0n;
    this.#client.destroyBuffer(handle);
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
