import { Args } from './args.js';
import type { Client } from './client.js';
import { PjrtError } from './errors.js';

/** Tells when a buffer's contents are there. Outlives the buffer, which may be donated or freed meanwhile. */
export class ReadyEvent {
  readonly #client: Client;
  #handle: bigint;

  /** @param buffer handle of a buffer, such as {@link Executable.execute} returns */
  constructor(client: Client, buffer: bigint) {
    this.#client = client;
    this.#handle = client.library.call('Buffer_ReadyEvent', new Args(32).setWord(16, buffer)).word(24);
  }

  /** Waits without blocking the event loop. @throws PjrtError when the program that computes the buffer failed */
  async wait(): Promise<void> {
    if (this.#handle === 0n) throw new Error('ReadyEvent: the event was disposed');
    await this.#client.library.callAsync('Event_Await', new Args(24).setWord(16, this.#handle));
  }

  /** Like {@link wait}, blocking. */
  waitSync(): void {
    if (this.#handle === 0n) throw new Error('ReadyEvent: the event was disposed');
    this.#client.library.call('Event_Await', new Args(24).setWord(16, this.#handle));
  }

  /** Whether the program that computes the buffer has failed, as far as is known yet; nothing is waited for. */
  get failed(): boolean {
    if (this.#handle === 0n) throw new Error('ReadyEvent: the event was disposed');
    const { library } = this.#client;
    const args = new Args(32).setWord(16, this.#handle);
    if (!library.call('Event_IsReady', args).bool(24)) return false;
    try {
      library.call('Event_Error', new Args(24).setWord(16, this.#handle));
      return false;
    } catch (error) {
      if (error instanceof PjrtError) return true;
      throw error;
    }
  }

  /** Frees the event. A second call does nothing. */
  dispose(): void {
    if (this.#handle === 0n) return;
    this.#client.library.call('Event_Destroy', new Args(24).setWord(16, this.#handle));
    this.#handle = 0n;
  }

  [Symbol.dispose](): void {
    this.dispose();
  }
}
