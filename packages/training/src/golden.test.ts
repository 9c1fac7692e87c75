import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { describeCase, type GoldenCase, goldenValue, loadGolden, runCase } from '@primal-attention/golden';
import { describe, expect, test } from 'vitest';
import { goldenChecks } from './golden.js';
import { goldenRates } from './optimizers/golden-schedule.js';

/** The attention package keeps the fixtures of all. */
const attention = dirname(createRequire(import.meta.url).resolve('@primal-attention/attention/package.json'));
const cases = await loadGolden(join(attention, 'fixtures', 'optim.safetensors'));

test.each(cases)('$name', async (golden) => {
  const result = await runCase(goldenChecks.optim, golden);
  expect(result.passed, describeCase(result)).toBe(true);
  if (golden.config.optimizer === undefined) return;
  // The float64 trace is held against the formulas, and the optimizer by formulas of tfjs and by its kernel.
  const params = result.deviations.filter(({ name }) => name === 'out.params');
  expect(params.map(({ tolerance }) => tolerance)).toEqual([1e-10, 1e-5, 1e-5]);
});

describe('a changed setting fails', () => {
  const find = (name: string): GoldenCase => cases.find((golden) => golden.name === name) as GoldenCase;
  test.each([
    ['adamw_onecycle', { pct_start: '7/30' }, ['out.lr', 'out.beta1', 'out.params']],
    ['adamw_onecycle', { cycle_momentum: false }, ['out.beta1', 'out.params']],
    ['adamw_onecycle_wd', { weight_decay: 0.06 }, ['out.params', 'out.params_f32']],
    ['radam', { eps: 1e-3 }, ['out.params', 'out.params_f32']],
    ['radam_wd', { betas: [0.9, 0.99] }, ['out.params', 'out.exp_avg_sq']],
    ['lra_listops_schedule', { warmup: 999 }, ['out.lr', 'out.beta1']],
  ])('%s with %j', async (name, change, tensors) => {
    const golden = find(name);
    const result = await runCase(goldenChecks.optim, { ...golden, config: { ...golden.config, ...change } });
    const wrong = result.deviations.filter(({ error, tolerance }) => !(error <= tolerance));
    expect(wrong.map((deviation) => deviation.name)).toEqual(expect.arrayContaining(tensors));
  });

  test.each([
    [{ optimizer: 'SGD' }, /there is no optimizer for .*SGD/],
    [{ optimizer: 'RAdam', degenerated_to_sgd: false }, /RAdam that degenerates to SGD/],
    [{ objective: 'f(x) = x' }, /the objective is none that is known: f\(x\) = x/],
    [{ scheduler: 'StepLR' }, /the schedule is none that is known: StepLR/],
    [{ anneal: 'cos' }, /anneal 'linear' only, got 'cos'/],
    [{ pct_start: 'a third' }, /pct_start must be a number or a fraction, got a third/],
  ])('%j', async (change, reason) => {
    const golden = find('adamw_onecycle');
    const result = await runCase(goldenChecks.optim, { ...golden, config: { ...golden.config, ...change } });
    expect(result.failure).toMatch(reason);
  });
});

describe('rates of a case', () => {
  const rates = (config: Record<string, unknown>, above?: Record<string, unknown>[]) =>
    goldenRates({ ...cases[0], config, above });
  const cycle = { scheduler: 'OneCycleLR', max_lr: 1, total_steps: 10, pct_start: '4/10' };

  test('without a schedule are constant', () => {
    expect(rates({ lr: 0.3, betas: [0.8, 0.99] })(7)).toEqual({ learningRate: 0.3, beta1: 0.8 });
  });

  test.each([
    { pct_start: '4/10' },
    { pct_start: 0.4 },
    { pct_start: '2/5' },
    { pct_start: undefined, warmup: 4 },
  ])('peak after the share %j', (share) => {
    expect(rates({ ...cycle, ...share })(3)).toEqual({ learningRate: 1, beta1: 0.85 });
  });

  test('take the momentum from the case', () => {
    expect(rates({ ...cycle, base_momentum: 0.5, max_momentum: 0.7 })(0).beta1).toBe(0.7);
    expect(rates({ ...cycle, cycle_momentum: false, betas: [0.6, 0.9] })(0).beta1).toBe(0.6);
    expect(rates({ ...cycle, div_factor: 2 })(0).learningRate).toBe(0.5);
  });

  test('as above are those of the nearest case above that has some', () => {
    const above = [{ optimizer: 'RAdam', lr: 3 }, cycle, { ...cycle, max_lr: 2 }];
    expect(rates({ scheduler: 'OneCycleLR as above', lr: 0.5, steps: 10 }, above)(3).learningRate).toBe(1);
  });

  test('as above, with nothing above, peak where the trace does', () => {
    const golden = cases.find(({ name }) => name === 'adamw_onecycle_wd') as GoldenCase;
    const alone = goldenRates({ ...golden, above: undefined });
    const stored = goldenValue(golden, 'out.lr').data as Float64Array;
    for (const [step, rate] of stored.entries()) expect(alone(step).learningRate).toBeCloseTo(rate, 12);
  });
});
