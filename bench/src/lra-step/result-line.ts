import { median } from '../statistics.js';
import type { Times } from '../turns.js';
import type { Contestant } from './contestant.js';
import type { StepSettings } from './settings.js';

/** A program's line of the results. */
export function resultLine(
  { contestant: { name, info, firstLossMs, compileMs }, ms, overheadMs }: Times<Contestant>,
  first: Times<Contestant>,
  { mechanism, length, batch, precision, steps, stepsPerRead, seed }: StepSettings,
  run: { rounds: number; machine: string; others: number; commit: string; modified: boolean; date: string },
) {
  return {
    ...{ backend: name, mechanism, length, batch, precision },
    msPerStep: median(ms.flat()),
    msPerStepMin: Math.min(...ms.flat()),
    /** Over the first program's time: the median of the rounds' ratios, which a slow change of the machine leaves alone. */
    ratio: median(ms.map((round, i) => median(round) / median(first.ms[i]))),
    ratioTo: first.contestant.name,
    overheadMs: overheadMs.length > 0 ? median(overheadMs) : null,
    ...{ compileMs, firstLossMs },
    peakBytes: info.peakBytes ?? null,
    peakBytesSource: info.peakBytesSource ?? null,
    programBytes: info.programBytes ?? null,
    residentBytes: info.residentBytes ?? null,
    parameters: info.parameters,
    device: info.device,
    versions: info.versions,
    threads: info.threads ?? null,
    ...{ seed, stepsPerRead, steps, ...run },
  };
}
