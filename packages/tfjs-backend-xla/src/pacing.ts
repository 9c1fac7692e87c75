import { type Client, ReadyEvent } from '@primal-attention/pjrt';

/**
 * How many programs may be under way before an asynchronous call waits. A plugin has a limit of its own (XLA's CPU
 * client: 32), at which its execute function blocks.
 */
const maxUnderWay = 8;

/** A native call that takes longer than this did not just start the program: the plugin ran it. */
export const dispatchMilliseconds = 20;

/**
 * Keeps callers that do not wait for results from running so far ahead that starting the next program would block the
 * event loop.
 */
export class Pacing {
  readonly #client: Client;
  readonly #underWay: ReadyEvent[] = [];

  constructor(client: Client) {
    this.#client = client;
  }

  /** Notes that a program was started. @param result handle of one of its results' buffers */
  note(result: bigint): void {
    this.#underWay.push(new ReadyEvent(this.#client, result));
    // Callers that never wait need no more events than those that could make someone else wait.
    if (this.#underWay.length > 2 * maxUnderWay) this.#underWay.shift()!.dispose();
  }

  /** Resolves when another program may be started. */
  async room(): Promise<void> {
    while (this.#underWay.length >= maxUnderWay) {
      const event = this.#underWay.shift()!;
      try {
        await event.wait();
      } catch {
        // A program that failed is over too; its results say why when they are read.
      } finally {
        event.dispose();
      }
    }
  }
}
