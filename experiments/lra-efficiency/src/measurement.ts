import { readJsonLines } from '@primal-attention/training';
import type { PeerName } from './peers.js';
import type { KernelForm, ModelName, Precision, ScheduleName, TaskName } from './settings.js';

/** What is measured: one line of the results, and its key there. */
export interface Measurement {
  /** A cell of the table, or a point of the curves against N. */
  readonly part: 'table' | 'scaling';
  readonly program: 'ours' | PeerName;
  readonly task: TaskName;
  readonly model: ModelName;
  readonly precision: Precision;
  /** The form of our model; `off` for peers, which have their own. */
  readonly kernels: KernelForm;
  /** N. */
  readonly length: number;
  readonly batch: number;
}

/** How it is measured: the same for all lines of a file. */
export interface Protocol {
  /** Of ours; peers have a constant rate. */
  readonly schedule: ScheduleName;
  readonly seed: number;
  /** Steps before the first read that counts. */
  readonly warmup: number;
  /** Losses that are read, each after `stepsPerRead` steps; what is between two reads is one measured time. */
  readonly reads: number;
  readonly stepsPerRead: number;
}

/** Where: the same for all lines of a file. */
export interface Origin {
  readonly commit: string;
  readonly modified: boolean;
  readonly machine: string;
  readonly node: string;
  /** What computed, and with which plugin. */
  readonly device: string;
}

/** What came out. */
export interface Outcome {
  /** Median over the reads. It is also the seconds that 1,000 steps take. */
  readonly msPerStep: number;
  /** Each read's time over its steps. */
  readonly msReads: readonly number[];
  /** The most memory that the device had in use in a process that compiled nothing; null where that is not known (CPU). */
  readonly devicePeakBytes: number | null;
  /** Who says so, where it was not the device. */
  readonly peakBytesSource?: string;
  /** Arguments + results - aliased + temporaries, by the compiler; null for a peer that does not tell. */
  readonly programBytes: number | null;
  /** Of one step, counted in our graph; null for peers. Transcendental functions count apart. */
  readonly flops: number | null;
  readonly transcendentals: number | null;
  readonly parameters: number;
  /** Until the step and what comes before it were compiled, with nothing compiled before; null where a peer does not tell. */
  readonly compileMs: number | null;
  /** From the start of a process to its first loss: with nothing compiled before, and with everything on disk. */
  readonly firstLossMs: { readonly cold: number; readonly disk: number | null };
  /** The part of the cold start in which launches of kernels were compiled and timed, to choose among them. */
  readonly tuningMs?: number;
  /** Calls of our kernels in the step, the optimizer's included. */
  readonly kernelCalls?: number;
  /** Why the model has none, where some were asked for: the line is then of plain formulations. */
  readonly kernelsRefused?: string;
  /** Of the first step. */
  readonly loss: number;
  /** Of models with fused softmax: what computed it. */
  readonly kernel?: 'cudnn' | 'blockwise';
  readonly versions: Readonly<Record<string, string>>;
}

/** Why nothing came out. */
export interface Failure {
  readonly failure: string;
}

/** A line of a file of results. */
export type Line = Measurement & Protocol & Origin & { readonly date: string } & (Outcome | Failure);

/** A line with numbers. */
export type MeasuredLine = Exclude<Line, Failure>;

export function hasOutcome(line: Line): line is MeasuredLine {
  return !('failure' in line);
}

const keyFields = ['part', 'program', 'task', 'model', 'precision', 'kernels', 'length', 'batch'] as const;

/** The lines of a file; those of before there were kernels are of the form without them. */
export function readLines(path: string): Line[] {
  return readJsonLines(path).map((line) => ({ kernels: 'off', ...(line as object) }) as Line);
}

/** `Primal.`, and `Primal. + kernels` for the other form. */
export function formName({ model, kernels }: Pick<Measurement, 'model' | 'kernels'>): string {
  return kernels === 'on' ? `${model} + kernels` : model;
}

/** Equal for two lines that measure the same. */
export function keyOf(measurement: Measurement): string {
  return JSON.stringify(keyFields.map((field) => measurement[field]));
}

/** As it is printed while the program runs. */
export function describeMeasurement({
  part,
  program,
  task,
  precision,
  length,
  batch,
  ...form
}: Measurement): string {
  const who = program === 'ours' ? '' : ` (${program})`;
  return `${part === 'scaling' ? 'scaling' : task}: ${formName(form)}${who} ${precision}, N ${length}, batch ${batch}`;
}
