import type { Entry } from '../lra-step/options.js';
import { failureLine, type Line, type ResultLine, resultLine } from '../lra-step/result-line.js';
import type { Mechanism } from '../lra-step/settings.js';

const run = {
  ...{ rounds: 1, machine: 'a machine', commit: 'abc', modified: false },
  date: '2026-01-02T03:04:05.678Z',
};

/** What a program was asked for in a test: Primal at N 1024 with a batch of 4. */
export function entryOf(
  name: Entry['name'],
  kernels: Entry['kernels'],
  of: { mechanism?: Mechanism; length?: number; batch?: number } = {},
): Entry {
  const timing = { steps: 2, stepsPerRead: 1, warmup: 1, seed: 0 };
  const size = { mechanism: 'primal', length: 1024, batch: 4, precision: 'bf16' } as const;
  return { name, kernels, settings: { ...size, ...timing, ...of } };
}

/** A line of results that nobody measured. */
export function lineOf(entry: Entry, ms: number, rest: Partial<ResultLine> = {}): Line {
  const contestant = {
    ...{
      entry,
      peer: undefined as never,
      loss: 0.7,
      info: { device: 'NVIDIA Test, PJRT', peakBytes: 2 ** 20 * ms },
    },
    firstLossMs: { cold: 4000, disk: 1500 },
    ...{ compileMs: { cold: 2000, disk: 100 }, tuningMs: { cold: 500, disk: 0 } },
  };
  const times = { contestant, ms: [[ms]], overheadMs: [0.2] };
  return { ...resultLine(times, times, false, { ...run, others: 0 }), ...rest };
}

export function failureOf(entry: Entry, failure: string): Line {
  return failureLine(entry, failure, run);
}
