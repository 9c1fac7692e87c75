import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { accuracy } from './accuracy.js';
import { MeanMetric } from './mean.js';

describe('MeanMetric', () => {
  // tensorflow/tensorflow#38596
  it('does not let a smaller last batch weigh as much as a full one', () => {
    const loss = new MeanMetric();
    loss.add(10, 2);
    loss.add(9, 1);
    expect(loss.value).toBeCloseTo(29 / 3, 15); // not 9.5
    expect(loss.weight).toBe(3);
  });

  it('gives 0.8 for five cases in batches of two, the last one wrong', () => {
    const metric = new MeanMetric();
    for (const [predicted, actual] of [
      [
        [1, 2],
        [1, 2],
      ],
      [
        [3, 4],
        [3, 4],
      ],
      [[5], [6]],
    ]) {
      metric.add(accuracy(predicted, actual), actual.length);
    }
    expect(metric.value).toBe(0.8); // not 2 / 3
  });

  it('is the mean over all cases however they are cut into batches', () => {
    const batches = fc.array(fc.array(fc.integer({ min: -50, max: 50 }), { minLength: 1, maxLength: 5 }), {
      minLength: 1,
    });
    fc.assert(
      fc.property(batches, (all) => {
        const metric = new MeanMetric();
        for (const batch of all) metric.add(batch.reduce((a, b) => a + b) / batch.length, batch.length);
        const flat = all.flat();
        // A few dozen float64 roundings of values up to 250.
        expect(metric.value).toBeCloseTo(flat.reduce((a, b) => a + b) / flat.length, 10);
      }),
    );
  });

  it('shows a diverged batch, ignores weight 0, and starts anew after reset', () => {
    const metric = new MeanMetric();
    metric.add(Number.NaN, 0);
    metric.add(4);
    expect(metric.value).toBe(4);
    metric.add(Number.NaN, 2);
    expect(metric.value).toBeNaN();
    metric.reset();
    metric.add(7);
    expect(metric.value).toBe(7);
  });

  it('refuses weights that are none, and the mean of nothing', () => {
    const metric = new MeanMetric();
    for (const weight of [-1, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(() => metric.add(1, weight)).toThrow(`weight must be finite and at least 0, got ${weight}`);
    }
    expect(() => metric.value).toThrow('MeanMetric.value: nothing was added yet');
  });
});
