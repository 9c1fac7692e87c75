import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { createInterface } from 'node:readline';

/** A program that is timed in rounds: it waits for a line before each, and answers with one JSON object. */
export class Peer {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;

  constructor(command: string, args: readonly string[]) {
    this.#child = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]();
  }

  /** The next answer. @throws Error when the program has ended */
  async answer(): Promise<Record<string, unknown>> {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error('the peer ended without an answer; its errors are above');
    return JSON.parse(value) as Record<string, unknown>;
  }

  /** Times one round. `cpuMs` is the peer's CPU time since it was ready. */
  async round(): Promise<{ ms: number[]; cpuMs: number }> {
    this.#child.stdin!.write('go\n');
    return (await this.answer()) as { ms: number[]; cpuMs: number };
  }

  end(): void {
    this.#child.stdin!.end();
  }
}

/** Whether a Python can be started and has PyTorch. */
export function hasTorch(python: string): boolean {
  return spawnSync(python, ['-c', 'import torch']).status === 0;
}
