import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { writeWhole } from '@primal-attention/experiment';

interface Running {
  readonly runner: number;
  readonly processes: readonly number[];
}

/**
 * The note of who works in a folder. A runner that was killed leaves processes behind, which would write into the same run folders as
 * those of the next one.
 */
export class Occupation {
  readonly #path: string;

  /** Ends what a killed runner left. @throws Error when a runner is at work there */
  constructor(readonly work: string) {
    this.#path = join(work, 'running.json');
    if (existsSync(this.#path)) {
      const { runner, processes } = JSON.parse(readFileSync(this.#path, 'utf8')) as Running;
      if (runner !== process.pid && commandOf(runner).includes('runner.mjs')) {
        throw new Error(
          `process ${runner} is at work in ${work}; wait for it, or choose another folder with --work`,
        );
      }
      for (const pid of processes) {
        const command = commandOf(pid);
        if (command.includes('run-main.mjs') && command.includes(join(work, 'runs')))
          process.kill(pid, 'SIGKILL');
      }
    }
    this.note([]);
  }

  note(processes: readonly number[]): void {
    writeWhole(this.#path, JSON.stringify({ runner: process.pid, processes } satisfies Running));
  }

  end(): void {
    rmSync(this.#path, { force: true });
  }
}

/** The command line of a process; empty when there is no such process. */
function commandOf(pid: number): string {
  const path = `/proc/${pid}/cmdline`;
  return existsSync(path) ? readFileSync(path, 'utf8').replaceAll('\0', ' ') : '';
}
