import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadSafetensors } from '@primal-attention/safetensors';
import type { MeansState } from '../means.js';
import type { MomentOptimizer, NamedVariables } from '../optimizers/moment-optimizer.js';
import { type HostTensor, restore, writeCheckpoint } from './checkpoint.js';
import { readJsonLines } from './json-lines.js';
import type { LogPosition, MetricsLine } from './metrics-log.js';
import { lockRunFolder } from './run-lock.js';

/** The evaluation that a run's best checkpoint comes from. */
export interface BestEvaluation {
  readonly epoch: number;
  readonly step: number;
  /** The deciding metric. */
  readonly value: number;
  /** All of that evaluation's metrics; null where a number is not finite. */
  readonly metrics: Readonly<Record<string, number | null>>;
}

/** Where a run stands at a checkpoint. */
export interface RunPosition {
  /** Completed epochs. */
  readonly epoch: number;
  /** Completed steps. */
  readonly step: number;
  readonly best?: BestEvaluation;
}

/** What result.json says of a finished run. */
export interface FinishedRun extends RunPosition {
  readonly configHash: string;
  readonly config: unknown;
}

/** What is known of the stretch of training under way, which has no line in the log yet. */
export interface OpenStretch {
  readonly means: MeansState;
  /** What it took so far. */
  readonly seconds: number;
}

/** What a checkpoint remembers beside weights and optimizer. */
export interface Checkpoint {
  readonly position: RunPosition;
  readonly logs: LogPosition;
  /** Set where it was written between two evaluations. */
  readonly open?: OpenStretch;
}

interface CheckpointRecord extends RunPosition, LogPosition {
  readonly configHash: string;
  readonly open?: OpenStretch;
}

const recordKey = 'primal-attention.training';

/**
 * The files of one run, which can be killed at any moment and goes on from its last checkpoint:
 *
 * | file | content |
 * |---|---|
 * | metrics.jsonl | a line per epoch (or stretch of steps) and evaluation; the same bytes for the same config on the same backend |
 * | timing.jsonl | what these lines took, and when: the part that depends on the clock |
 * | last.safetensors | weights, optimizer state, epoch, step, and the length of both logs |
 * | best.safetensors | the weights of the best evaluation so far |
 * | result.json | config and outcome; its presence means that the run has finished |
 * | in-use.tmp | which process trains here, while it does |
 *
 * Order makes it safe. Log lines come first, then `last`, which knows how long the logs were, then `best`. Killed
 * before `last`, what followed the last checkpoint is run again and the logs are cut back; killed between `last` and `best`, the weights of the
 * best evaluation are those in `last`.
 */
export class RunFolder {
  readonly directory: string;
  readonly #configHash: string;

  constructor(directory: string, configHash: string) {
    this.directory = directory;
    this.#configHash = configHash;
    mkdirSync(directory, { recursive: true });
  }

  /**
   * Makes this process the only one that writes here, until the returned function is called.
   *
   * @throws RunInUseError naming the process that trains here already
   */
  claim(): () => void {
    const release = lockRunFolder(this.directory);
    removeHalfWritten(this.directory);
    return release;
  }

  get logPaths(): { metrics: string; timing: string } {
    return { metrics: this.#path('metrics.jsonl'), timing: this.#path('timing.jsonl') };
  }

  /** The lines of the metrics log. */
  history(): MetricsLine[] {
    return readJsonLines(this.#path('metrics.jsonl')) as MetricsLine[];
  }

  /** The outcome, if this run has finished before. @throws Error when the folder holds a finished run of another configuration */
  finished(): FinishedRun | undefined {
    const path = this.#path('result.json');
    if (!existsSync(path)) return undefined;
    let result: FinishedRun;
    try {
      result = JSON.parse(readFileSync(path, 'utf8')) as FinishedRun;
    } catch (error) {
      throw new Error(
        `train: ${path} is damaged (${(error as Error).message}); delete the folder to run it again`,
      );
    }
    if (result.configHash !== this.#configHash) throw this.#otherRun('a finished run', result.configHash);
    return result;
  }

  /**
   * Loads the last checkpoint.
   *
   * @returns undefined when there is none yet, and nothing is lost by starting anew
   */
  async resume(variables: NamedVariables, optimizer: MomentOptimizer): Promise<Checkpoint | undefined> {
    const last = this.#path('last.safetensors');
    if (!existsSync(last)) {
      if (existsSync(this.#path('best.safetensors'))) {
        throw new Error(
          `train: ${this.directory} has best.safetensors but no last.safetensors to go on from; ` +
            'restore it, or delete the folder to start again',
        );
      }
      return undefined;
    }
    const file = await loadSafetensors(last);
    const record = readRecord(file.metadata, last);
    if (record.configHash !== this.#configHash) throw this.#otherRun('an unfinished run', record.configHash);
    restore(file, last, { variables, optimizer });
    const { epoch, step, best, metricsBytes, timingBytes, open } = record;
    return { position: { epoch, step, best }, logs: { metricsBytes, timingBytes }, open };
  }

  /** True when the checkpoint of the best evaluation is missing, having been lost between two writes. */
  async lacksBest(position: RunPosition): Promise<boolean> {
    if (position.best === undefined) return false;
    const path = this.#path('best.safetensors');
    if (
      existsSync(path) &&
      readRecord((await loadSafetensors(path)).metadata, path).step === position.best.step
    ) {
      return false;
    }
    if (position.step === position.best.step) return true;
    throw new Error(
      `train: the run in ${this.directory} was best after step ${position.best.step}, but best.safetensors is ` +
        'missing or not of that step; restore it, or delete the folder to start again',
    );
  }

  async saveLast(
    checkpoint: Checkpoint,
    weights: ReadonlyMap<string, HostTensor>,
    optimizer: ReadonlyMap<string, HostTensor>,
  ): Promise<void> {
    const metadata = this.#metadata(checkpoint);
    await writeCheckpoint(this.#path('last.safetensors'), { weights, optimizer, metadata });
  }

  async saveBest(checkpoint: Checkpoint, weights: ReadonlyMap<string, HostTensor>): Promise<void> {
    await writeCheckpoint(this.#path('best.safetensors'), {
      weights,
      metadata: this.#metadata(checkpoint),
    });
  }

  finish(position: RunPosition, config: unknown): void {
    const result: FinishedRun = { configHash: this.#configHash, config, ...position };
    const path = this.#path('result.json');
    writeFileSync(`${path}${temporarySuffix}`, `${JSON.stringify(result, undefined, 2)}\n`, { flush: true });
    renameSync(`${path}${temporarySuffix}`, path);
  }

  #metadata({ position, logs, open }: Checkpoint): Map<string, string> {
    const record: CheckpointRecord = { configHash: this.#configHash, ...position, ...logs, open };
    return new Map([[recordKey, JSON.stringify(record)]]);
  }

  #path(name: string): string {
    return join(this.directory, name);
  }

  #otherRun(what: string, hash: string): Error {
    return new Error(
      `train: ${this.directory} holds ${what} of another configuration (hash ${hash.slice(0, 12)}, this one has ` +
        `${this.#configHash.slice(0, 12)}); results are never overwritten: choose another directory, or delete this one`,
    );
  }
}

const temporarySuffix = '.tmp';

/** A write that was killed leaves its temporary file. */
function removeHalfWritten(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (/^(last\.safetensors|best\.safetensors|result\.json)\..*tmp/.test(name))
      rmSync(join(directory, name));
  }
}

function readRecord(metadata: ReadonlyMap<string, string>, path: string): CheckpointRecord {
  const text = metadata.get(recordKey);
  if (text === undefined) {
    throw new Error(
      `train: ${path} is a safetensors file, but not a checkpoint of a run (no '${recordKey}' entry)`,
    );
  }
  return JSON.parse(text) as CheckpointRecord;
}
