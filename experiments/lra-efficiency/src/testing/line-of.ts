import type { Failure, Line, Measurement, Origin, Outcome, Protocol } from '../measurement.js';

/** Where and how the lines of the tests were made. */
export const origin: Origin & Protocol = {
  ...{ commit: 'abc', modified: false, machine: 'a machine', node: 'v20' },
  device: 'NVIDIA Test, PJRT 0.115, plugin from a test',
  ...{ schedule: 'one-cycle', seed: 0, warmup: 20, reads: 3, stepsPerRead: 20 },
};

const measurement: Measurement = {
  ...{ part: 'table', program: 'ours', task: 'Text', model: 'Primal.', precision: 'bf16' },
  kernels: 'off',
  ...{ length: 4096, batch: 32 },
};

const outcome: Outcome = {
  ...{ msPerStep: 2.5, msReads: [2.4, 2.5, 2.6], devicePeakBytes: 7e8, programBytes: 6.9e8 },
  ...{ flops: 1e10, transcendentals: 1e8, parameters: 396_946, compileMs: 9000, loss: 0.7 },
  ...{ firstLossMs: { cold: 11_000, disk: 2200 }, versions: {} },
};

/** A line of results: Primal. on the text task, but for what is given. */
export function lineOf(of: Partial<Measurement>, result: Partial<Outcome> | Failure): Line {
  const date = '2026-01-02T03:04:05.678Z';
  const found = 'failure' in result ? result : { ...outcome, ...result };
  return { ...measurement, ...of, ...found, ...origin, date };
}
