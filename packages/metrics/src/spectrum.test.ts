import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  attentionSpectrum,
  averageCurves,
  componentsFor,
  cumulativeSpectrum,
  primalSpectrum,
} from './spectrum.js';

const identity = Float64Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));
const descending = fc
  .array(fc.double({ min: 0, max: 10, noNaN: true }), { minLength: 1, maxLength: 12 })
  .map((values) => values.sort((a, b) => b - a))
  .filter((values) => values[0] > 1e-6);

describe('cumulativeSpectrum', () => {
  it('accumulates values or squares', () => {
    expect([...cumulativeSpectrum([3, 1, 0])]).toEqual([0.75, 1, 1]);
    expect([...cumulativeSpectrum([3, 1, 0], { squares: true })]).toEqual([0.9, 1, 1]);
  });

  it('rises to 1, lies on or above the diagonal, and squares lie on or above values', () => {
    fc.assert(
      fc.property(descending, (values) => {
        const curve = cumulativeSpectrum(values);
        const squares = cumulativeSpectrum(values, { squares: true });
        expect(curve.at(-1)).toBe(1);
        expect(squares.at(-1)).toBe(1);
        const rounding = 1e-14; // of a dozen float64 sums
        for (let i = 0; i < values.length; i++) {
          expect(curve[i]).toBeGreaterThanOrEqual((i === 0 ? 0 : curve[i - 1]) - rounding);
          expect(curve[i]).toBeGreaterThanOrEqual((i + 1) / values.length - rounding);
          expect(squares[i]).toBeGreaterThanOrEqual(curve[i] - rounding);
        }
      }),
    );
  });

  it.each([
    [[1, 2], 'values[1] is 2'],
    [[1, -1], 'values[1] is -1'],
    [[Number.NaN], 'values[0] is NaN'],
    [[Number.POSITIVE_INFINITY, 1], 'values[0] is Infinity'],
    [[0, 0], 'all singular values are 0'],
    [[], 'there are no singular values'],
  ])('refuses %j', (values, message) => {
    expect(() => cumulativeSpectrum(values)).toThrow(`cumulativeSpectrum: ${message}`);
  });
});

describe('attentionSpectrum', () => {
  it('of the identity is the diagonal', () => {
    expect([...attentionSpectrum(identity, 4)]).toEqual([0.25, 0.5, 0.75, 1]);
  });

  it('of uniform attention is 1 from the first value on', () => {
    for (const point of attentionSpectrum(new Float32Array(16).fill(0.25), 4))
      expect(point).toBeCloseTo(1, 12);
  });

  it('refuses a matrix that is not tokens x tokens', () => {
    expect(() => attentionSpectrum(identity, 5)).toThrow('16 values, expected 5 x 5 = 25');
  });
});

describe('primalSpectrum', () => {
  const queries = Float64Array.of(1, 0, 0, 1, 0, 0);
  const keys = Float64Array.of(1, 0, 0, 1, 0, 0);

  it('tells the two candidate matrices apart', () => {
    const layer = { tokens: 3, features: 2, queries, keys };
    expect([...primalSpectrum(layer)]).toEqual([0.5, 1, 1]);
    const landmarks = Float64Array.of(2, 0, 0, 1); // F^T F = diag(4, 1)
    expect([...primalSpectrum({ ...layer, landmarks })]).toEqual([0.8, 1, 1]);
    expect(primalSpectrum({ ...layer, landmarks }, { squares: true })[0]).toBeCloseTo(16 / 17, 15);
  });

  it('equals the spectrum of the explicit matrix', () => {
    const kernel = Float64Array.of(4, 0, 0, 0, 1, 0, 0, 0, 0);
    const landmarks = Float64Array.of(2, 0, 0, 1);
    const curve = primalSpectrum({ tokens: 3, features: 2, queries, keys, landmarks });
    expect([...curve]).toEqual([...attentionSpectrum(kernel, 3)]);
  });
});

describe('componentsFor', () => {
  it('counts the values that reach a fraction', () => {
    const curve = [0.5, 0.9, 1, 1];
    expect(componentsFor(curve, 0.5)).toBe(1);
    expect(componentsFor(curve, 0.9)).toBe(2);
    expect(componentsFor(curve, 0.91)).toBe(3);
    expect(componentsFor(curve, 1)).toBe(3);
  });

  it('refuses fractions out of range and curves that never get there', () => {
    for (const fraction of [0, 1.1, Number.NaN]) {
      expect(() => componentsFor([1], fraction)).toThrow(`at most 1, got ${fraction}`);
    }
    expect(() => componentsFor([0.2, 0.4], 0.9)).toThrow('the curve of 2 points never reaches 0.9');
  });
});

describe('averageCurves', () => {
  it('gives mean and population standard deviation point by point', () => {
    const { mean, std } = averageCurves([Float64Array.of(0.2, 1), [0.4, 1], [0.6, 1]]);
    expect(mean[0]).toBeCloseTo(0.4, 15);
    expect(std[0]).toBeCloseTo(Math.sqrt(0.08 / 3), 15);
    expect(mean[1]).toBeCloseTo(1, 15);
    expect(std[1]).toBeCloseTo(0, 15);
  });

  it('of one curve is that curve', () => {
    expect(averageCurves([[0.5, 1]])).toEqual({ mean: Float64Array.of(0.5, 1), std: Float64Array.of(0, 0) });
  });

  it('refuses no curves and unequal ones', () => {
    expect(() => averageCurves([])).toThrow('averageCurves: there are no curves');
    expect(() => averageCurves([[1], [0.5, 1]])).toThrow('curve 1 has 2 points, curve 0 has 1');
  });
});
