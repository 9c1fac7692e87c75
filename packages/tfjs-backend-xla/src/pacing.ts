import { type Client, type Executable, ReadyEvent } from '@primal-attention/pjrt';

/**
 * How many programs may be under way before an asynchronous call waits. A plugin has a limit of its own (XLA's CPU
 * client: 32), at which its execute function blocks.
 */
const maxUnderWay = 8;

/** A native call that takes longer than this did not just start the program: the plugin ran it. */
const dispatchMilliseconds = 20;

/**
 * Keeps callers that do not wait for results from running so far ahead that starting the next program would block the
 * event loop.
 */
export class Pacing {
  readonly #client: Client;
  readonly #underWay: ReadyEvent[] = [];
  readonly #startedAtOnce = new WeakSet<Executable>();

  constructor(client: Client) {
    this.#client = client;
  }

  /**
   * Whether the plugin starts the program and returns, as far as was seen, so that execute does not block. A device of its own
   * computes by itself, whatever the program.
   */
  startsAtOnce(executable: Executable): boolean {
    return this.#client.platformName !== 'cpu' || this.#startedAtOnce.has(executable);
  }

  /** `Executable.executeAsync`, which shows whether the program needs another thread. */
  async executeAsync(
    executable: Executable,
    list: BigUint64Array,
    nonDonatable?: readonly number[],
  ): Promise<BigUint64Array> {
    const start = performance.now();
    const handles = await executable.executeAsync(list, nonDonatable);
    if (performance.now() - start < dispatchMilliseconds) this.#startedAtOnce.add(executable);
    return handles;
  }

  /** Notes that a program was started. @param results handles of its results' buffers */
  note(executable: Executable, results: BigUint64Array): void {
    if (executable.outputCount === 0) return;
    this.#underWay.push(new ReadyEvent(this.#client, results[0]));
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
