import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ListedRun } from './options.js';
import { summaryFile } from './snapshot.js';

/** Where a run stands. `stopped` runs go on from their checkpoint in the next call. */
export type RunStatus = 'waiting' | 'running' | 'finished' | 'stopped' | 'failed';

/** A run of the list, as the pool knows it. */
export interface PooledRun extends ListedRun {
  status: RunStatus;
  /** The GPU that it runs on; undefined on the CPU. */
  gpu?: string;
  /** How its process ended. */
  ended?: string;
}

export interface PoolOptions {
  /** The unpacked code. */
  readonly code: string;
  /** Takes `runs/ID` and `logs/ID.log`. */
  readonly work: string;
  /** Of CUDA; empty for the CPU. */
  readonly gpus: readonly string[];
  readonly perGpu: number;
  /** Told when processes come and go. */
  readonly onChange: (processes: readonly number[]) => void;
}

/** Exit code of a run that was stopped and can go on: `exitStopped` of packages/experiment, which the runner does not load. */
const exitStopped = 75;

/** Between the question to stop and the end by force. */
const graceMilliseconds = 20_000;

/**
 * Runs a list of runs, each as a process of its own, in the order of the list and so many at a time on each GPU. One that fails takes
 * no other with it.
 */
export class Pool {
  readonly runs: readonly PooledRun[];
  readonly #options: PoolOptions;
  readonly #processes = new Map<PooledRun, ChildProcess>();
  #stopping = false;
  #done: () => void = () => {};

  constructor(runs: readonly ListedRun[], options: PoolOptions) {
    this.runs = runs.map((run) => ({ ...run, status: 'waiting' }));
    this.#options = options;
  }

  /** Starts; resolves when nothing runs any more and nothing is to be started. */
  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#done = resolve;
      this.#fill();
    });
  }

  /** Asks all processes to stop, and ends by force those that do not in 20 s. No further run is started. */
  stop(): void {
    if (this.#stopping) return;
    this.#stopping = true;
    for (const child of this.#processes.values()) child.kill('SIGTERM');
    const timer = setTimeout(() => {
      for (const child of this.#processes.values()) child.kill('SIGKILL');
    }, graceMilliseconds);
    timer.unref();
    this.#fill();
  }

  folderOf(id: string): string {
    return join(this.#options.work, 'runs', id);
  }

  logOf(id: string): string {
    return join(this.#options.work, 'logs', `${id}.log`);
  }

  #fill(): void {
    for (const run of this.#stopping ? [] : this.runs) {
      if (run.status !== 'waiting') continue;
      const gpu = this.#freeGpu();
      if (gpu === undefined) break;
      this.#start(run, gpu === '' ? undefined : gpu);
    }
    if (this.#processes.size === 0) this.#done();
  }

  /** The GPU with the fewest runs; '' is the CPU, undefined that all are busy. */
  #freeGpu(): string | undefined {
    const { gpus, perGpu } = this.#options;
    const places = gpus.length > 0 ? gpus : [''];
    const load = (gpu: string): number =>
      [...this.#processes.keys()].filter((run) => (run.gpu ?? '') === gpu).length;
    const [best] = [...places].sort((a, b) => load(a) - load(b));
    return load(best) < perGpu ? best : undefined;
  }

  #start(run: PooledRun, gpu: string | undefined): void {
    const { code } = this.#options;
    const [experiment] = run.folder.split('/');
    const log = this.logOf(run.id);
    for (const path of [log, this.folderOf(run.id)]) mkdirSync(dirname(path), { recursive: true });
    const output = openSync(log, 'a');
    const program = join(code, 'experiments', experiment, 'run-main.mjs');
    const folder = join(code, 'experiments', run.folder);
    const args = [program, folder, '--out', this.folderOf(run.id), ...run.args];
    // Its output goes to a file alone: a pipe of the runner's would stay open for whoever reads that, for as long as the process lives.
    const child = spawn(process.execPath, args, {
      env: { ...process.env, ...(gpu === undefined ? {} : { CUDA_VISIBLE_DEVICES: gpu }) },
      stdio: ['ignore', output, output],
    });
    closeSync(output);
    run.status = 'running';
    run.gpu = gpu;
    this.#processes.set(run, child);
    child.on('error', (error) => this.#end(run, 'failed', error.message));
    child.on('exit', (exitCode, signal) => {
      const finished = existsSync(join(this.folderOf(run.id), summaryFile));
      if (exitCode === 0 && finished) this.#end(run, 'finished', 'finished');
      else if (exitCode === 0) this.#end(run, 'failed', 'it ended without a result');
      else if (exitCode === exitStopped) this.#end(run, 'stopped', 'stopped after a checkpoint');
      // By force, or before it had said what to do with the signal: what it had saved is there.
      else if (this.#stopping && signal !== null) this.#end(run, 'stopped', `ended by ${signal}`);
      else this.#end(run, 'failed', signal ? `ended by ${signal}` : `exit code ${exitCode}`);
    });
    this.#changed();
  }

  #end(run: PooledRun, status: RunStatus, ended: string): void {
    if (!this.#processes.delete(run)) return;
    run.status = status;
    run.ended = ended;
    this.#changed();
    this.#fill();
  }

  #changed(): void {
    this.#options.onChange([...this.#processes.values()].flatMap(({ pid }) => pid ?? []));
  }
}
