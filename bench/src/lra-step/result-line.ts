import { median } from '../statistics.js';
import type { Times } from '../turns.js';
import type { Contestant } from './contestant.js';
import type { Entry } from './options.js';

/** Where and when, and how much of the machine others took. */
export interface Run {
  readonly rounds: number;
  readonly machine: string;
  readonly others: number;
  readonly commit: string;
  readonly modified: boolean;
  readonly date: string;
}

/** A program's line of the results. */
export type ResultLine = ReturnType<typeof resultLine>;

/** The line of a program that gave no times. */
export type FailureLine = ReturnType<typeof failureLine>;

export type Line = ResultLine | FailureLine;

export function hasTimes(line: Line): line is ResultLine {
  return 'msPerStep' in line;
}

/** A program's name in a table: `softmax xla+kernels`; its mechanism only where there are several. */
export function labelOf({ name, kernels, settings }: Entry, withMechanism: boolean): string {
  const program = kernels === 'on' ? `${name}+kernels` : name;
  return withMechanism ? `${settings.mechanism} ${program}` : program;
}

export function resultLine(
  { contestant, ms, overheadMs }: Times<Contestant>,
  first: Times<Contestant>,
  withMechanism: boolean,
  run: Run,
) {
  const { entry, info, firstLossMs, compileMs, tuningMs } = contestant;
  const { steps, stepsPerRead, seed } = entry.settings;
  return {
    ...identity(entry),
    kernelsRefused: (info.kernelsRefused ?? null) as string | null,
    kernelCalls: (info.kernelCalls ?? null) as number | null,
    msPerStep: median(ms.flat()),
    msPerStepMin: Math.min(...ms.flat()),
    /** Over the first program's time: the median of the rounds' ratios, which a slow change of the machine leaves alone. */
    ratio: median(ms.map((round, i) => median(round) / median(first.ms[i]))),
    ratioTo: labelOf(first.contestant.entry, withMechanism),
    overheadMs: overheadMs.length > 0 ? median(overheadMs) : null,
    ...{ compileMs, tuningMs, firstLossMs },
    peakBytes: (info.peakBytes ?? null) as number | null,
    peakBytesSource: info.peakBytesSource ?? null,
    programBytes: (info.programBytes ?? null) as number | null,
    residentBytes: info.residentBytes ?? null,
    parameters: info.parameters,
    device: info.device,
    versions: info.versions,
    threads: info.threads ?? null,
    ...{ seed, stepsPerRead, steps, ...run },
  };
}

export function failureLine(entry: Entry, failure: string, run: Omit<Run, 'others'>) {
  const { steps, stepsPerRead, seed } = entry.settings;
  return { ...identity(entry), failure, seed, stepsPerRead, steps, ...run };
}

function identity({ name, kernels, settings: { mechanism, length, batch, precision } }: Entry) {
  return { backend: name, kernels, mechanism, length, batch, precision };
}
