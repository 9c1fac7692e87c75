import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';

/** What a program says of one round. */
export interface Round {
  readonly ms: number[];
  readonly overheadMs?: number[];
  /** The program's CPU time since it was ready. */
  readonly cpuMs: number;
}

/** A program that is timed in rounds: it waits for a line before each, and answers with one JSON object. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'], env });
    // A program that has ended cannot be written to. That is said by the answer which it does not give.
    this.#child.stdin!.on('error', () => {});
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** The next answer. @throws Error when the program has ended */
  async answer(): Promise<Record<string, unknown>> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the peer ended without an answer; its errors are above');
    return JSON.parse(value) as Record<string, unknown>;
  }

  /** The answer to one line. */
  async ask(request: string): Promise<Record<string, unknown>> {
    this.#child.stdin!.write(`${request}\n`);
    return await this.answer();
  }

  /** Times one round. */
  async round(): Promise<Round> {
    return (await this.ask('go')) as unknown as Round;
  }

  /** Lets the program end. @throws Error when it failed to */
  async end(): Promise<void> {
    const ended = once(this.#child, 'close');
    this.#child.stdin!.end();
    const [code, signal] = await ended;
    if (code !== 0)
      throw new Error(`the peer ended with ${signal ?? `status ${code}`}; its errors are above`);
  }

  /** Ends the program wherever it is. */
  kill(): void {
    this.#child.kill();
  }
}

/** Whether a Python can be started and has a module. */
export function hasModule(python: string, module: string): boolean {
  return spawnSync(python, ['-c', `import ${module}`]).status === 0;
}
