import { MachineUse } from '../machine-use.js';
import { median } from '../statistics.js';
import type { Contestant } from './contestant.js';
import type { StepSettings } from './settings.js';

/** What one program took: milliseconds per step, by round. */
export interface Times {
  readonly contestant: Contestant;
  readonly ms: number[][];
  readonly overheadMs: number[];
}

/** Lets the programs take turns, one round each, and watches what others take of the machine meanwhile. */
export async function measure(
  contestants: readonly Contestant[],
  rounds: number,
): Promise<{ times: Times[]; others: number }> {
  const times = contestants.map((contestant): Times => ({ contestant, ms: [], overheadMs: [] }));
  const cpuMs = new Map<Contestant, number>();
  const use = new MachineUse();
  for (let round = 0; round < rounds; round++) {
    for (const { contestant, ms, overheadMs } of times) {
      const result = await contestant.peer.round();
      ms.push(result.ms);
      overheadMs.push(...(result.overheadMs ?? []));
      cpuMs.set(contestant, result.cpuMs);
    }
  }
  const ours = [...cpuMs.values()].reduce((sum, value) => sum + value, 0);
  return { times, others: use.shareOfOthers(ours) };
}

/** A program's line of the results. */
export function resultLine(
  { contestant: { name, info, firstLossMs, compileMs }, ms, overheadMs }: Times,
  first: Times,
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
