import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import type { GoldenCase } from './case.js';
import { type Computed, compareGolden, type Deviation, isWithin } from './compare.js';
import { caseOf, floats } from './testing/case.js';

async function only(golden: GoldenCase, computed: Computed): Promise<Deviation> {
  const deviations = await compareGolden(golden, computed);
  expect(deviations).toHaveLength(1);
  return deviations[0];
}

describe('the rule of comparison', () => {
  test('the largest difference beside the largest value of the tensor', async () => {
    const golden = caseOf({ 'out.y': floats(-4, 2) });
    const { error, tolerance } = await only(golden, { 'out.y': tf.tensor1d([-4, 3]) });
    expect(error).toBe(0.25);
    expect(tolerance).toBe(1e-5);
  });

  test('of a small tensor, beside a thousandth of the section; sections apart', async () => {
    const golden = caseOf({ 'out.big': floats(100), 'out.small': floats(0.001), 'grad.in.x': floats(0.001) });
    const [big, small, grad] = await compareGolden(golden, {
      'out.big': tf.tensor1d([100]),
      'out.small': tf.tensor1d([0.002]),
      'grad.in.x': tf.tensor1d([0.002]),
    });
    expect(big.error).toBe(0);
    expect(small.error).toBeCloseTo(0.001 / 0.1, 6);
    expect(grad).toMatchObject({ section: 'grad', tolerance: 1e-4 });
    expect(grad.error).toBeCloseTo(1, 6);
  });

  test('a loss beside itself, or 1 where it is smaller', async () => {
    const golden = caseOf({
      loss: { dtype: 'F32', shape: [], data: Float32Array.of(0.5) },
      loss_ksvd: { dtype: 'F32', shape: [], data: Float32Array.of(-4) },
    });
    const [small, large] = await compareGolden(golden, { loss: tf.scalar(0.75), loss_ksvd: tf.scalar(-5) });
    expect(small).toMatchObject({ error: 0.25, tolerance: 1e-5 });
    expect(large).toMatchObject({ error: 0.25, tolerance: 1e-5, section: 'loss_ksvd' });
  });

  test.each([[[Number.NaN, 1]], [[1, Number.NaN]], [[Number.POSITIVE_INFINITY, 1]]])(
    '%j is never within',
    async (values) => {
      for (const rest of [{}, { tolerances: {} }, { zeroGradients: new Set(['out.y']) }]) {
        const golden = caseOf({ 'out.y': floats(1, 1) }, rest);
        expect(isWithin(await only(golden, { 'out.y': tf.tensor1d(values) }))).toBe(false);
      }
    },
  );

  test('a stored NaN is never matched', async () => {
    const golden = caseOf({ 'out.y': floats(Number.NaN) });
    expect(isWithin(await only(golden, { 'out.y': tf.tensor1d([Number.NaN]) }))).toBe(false);
  });

  test('a tensor of another shape, or none, fails with the reason', async () => {
    const golden = caseOf({ 'out.y': { dtype: 'F32', shape: [2, 1], data: Float32Array.of(1, 2) } });
    const flat = await only(golden, { 'out.y': tf.tensor1d([1, 2]) });
    expect(flat).toMatchObject({
      error: Number.POSITIVE_INFINITY,
      reason: 'its shape is [2] instead of [2,1]',
    });
    const short = await only(golden, { 'out.y': { shape: [2, 1], data: [1] } });
    expect(short.error).toBe(Number.POSITIVE_INFINITY);
    const computed: Computed[] = [
      {},
      { 'out.y': undefined },
      { 'out.z': tf.tensor1d([1, 2]) },
      { 'out.y': [] },
    ];
    for (const nothing of computed) {
      const missing = await only(golden, nothing);
      expect(missing.reason).toBe('nothing was computed');
      expect(isWithin(missing)).toBe(false);
    }
  });

  test('integers are exact, whatever the tolerances', async () => {
    const grid = (...data: number[]): GoldenCase =>
      caseOf({ 'out.grid': { dtype: 'I32', shape: [2], data: Int32Array.from(data) } });
    expect(isWithin(await only(grid(0, 100_000), { 'out.grid': { shape: [2], data: [0, 100_000] } }))).toBe(
      true,
    );
    const off = await only(grid(0, 100_000), { 'out.grid': { shape: [2], data: [0, 100_001] } });
    expect(off).toMatchObject({ error: 1, tolerance: 0 });
    expect(isWithin(off)).toBe(false);
    const wide = caseOf({ 'out.grid': { dtype: 'I64', shape: [1], data: BigInt64Array.of(7n) } });
    expect(isWithin(await only(wide, { 'out.grid': tf.tensor1d([7], 'int32') }))).toBe(true);
  });

  test('so are numbers without a tolerance', async () => {
    const golden = caseOf({ 'out.y': floats(1) }, { tolerances: {} });
    expect(isWithin(await only(golden, { 'out.y': tf.tensor1d([1]) }))).toBe(true);
    expect(isWithin(await only(golden, { 'out.y': tf.tensor1d([1.000001]) }))).toBe(false);
  });
});

describe('gradients', () => {
  test('that are zero in exact arithmetic are small beside their section, not beside their own noise', async () => {
    const golden = caseOf(
      { 'grad.param.bias': floats(3e-8), 'grad.in.x': floats(2) },
      { zeroGradients: new Set(['grad.param.bias']) },
    );
    const check = async (noise: number): Promise<boolean> => {
      const [bias] = await compareGolden(golden, {
        'grad.param.bias': tf.tensor1d([noise]),
        'grad.in.x': tf.tensor1d([2]),
      });
      return isWithin(bias);
    };
    expect(await check(-1.9e-5)).toBe(true);
    expect(await check(-2.1e-5)).toBe(false);
    expect(isWithin((await compareGolden(golden, {}))[0])).toBe(true);
  });

  test('that must not exist are absent or zero', async () => {
    const golden = caseOf({ 'grad.param.w': floats(0, 0) }, { noGradients: new Set(['grad.param.w']) });
    expect(isWithin(await only(golden, {}))).toBe(true);
    expect(isWithin(await only(golden, { 'grad.param.w': tf.zeros([2]) }))).toBe(true);
    const there = await only(golden, { 'grad.param.w': tf.tensor1d([0, 1e-30]) });
    expect(isWithin(there)).toBe(false);
    expect(there.reason).toMatch(/there must be no gradient/);
    expect(isWithin(await only(golden, { 'grad.param.w': tf.tensor1d([0, Number.NaN]) }))).toBe(false);
  });
});

describe('two precisions', () => {
  const golden = caseOf(
    {
      'out.params': { dtype: 'F64', shape: [1], data: Float64Array.of(1) },
      'out.params_f32': floats(1),
    },
    { tolerances: { f64: 1e-10, f32: 1e-5 } },
  );

  test('float64 numbers are held to float64, tensors of tfjs to float32', async () => {
    const found = await compareGolden(golden, {
      'out.params': [{ shape: [1], data: [1 + 1e-9] }, tf.tensor1d([1 + 1e-6])],
      'out.params_f32': { shape: [1], data: [1 + 1e-6] },
    });
    expect(found.map(({ name, tolerance }) => [name, tolerance])).toEqual([
      ['out.params', 1e-10],
      ['out.params', 1e-5],
      ['out.params_f32', 1e-5],
    ]);
    expect(found.map(isWithin)).toEqual([false, true, true]);
  });

  test('a tolerance of the section itself holds for both', async () => {
    const own = { ...golden, tolerances: { out: 1e-9, f32: 1 } };
    const found = await compareGolden(own, {
      'out.params': tf.scalar(2).reshape([1]),
      'out.params_f32': tf.tensor1d([1]),
    });
    expect(found.map(({ tolerance }) => tolerance)).toEqual([1e-9, 1e-9]);
    expect(found.map(isWithin)).toEqual([false, true]);
  });
});

test('what goes in is not asked for, and what is not stored is not looked at', async () => {
  const golden = caseOf({
    'in.x': floats(1),
    'param.w': floats(1),
    'rand.u': floats(1),
    w: floats(1),
    'out.y': floats(1),
  });
  const found = await compareGolden(golden, { 'out.y': tf.tensor1d([1]), 'out.more': tf.tensor1d([5]) });
  expect(found.map(({ name }) => name)).toEqual(['out.y']);
});
