import { describe, expect, test } from 'vitest';
import { fitGrowth } from './fit.js';

const lengths = [256, 512, 1024, 2048, 4096, 8192, 16384];

describe('fitGrowth', () => {
  test.each([
    [0, 3, 1],
    [5e4, 128, 1],
    [0, 7, 2],
    [1e6, 0.25, 2],
    [2e3, 11, 1.37],
  ])('finds a = %d, b = %d, c = %d', (a, b, c) => {
    const fit = fitGrowth(
      lengths,
      lengths.map((n) => a + b * n ** c),
    );
    expect(fit.exponent).toBeCloseTo(c, 5);
    expect(fit.factor).toBeCloseTo(b, 5);
    expect(Math.abs(fit.constant - a)).toBeLessThan(1e-6 * (a + 1) + 1e-6 * b);
    expect(fit.worst).toBeLessThan(1e-9);
  });

  test('a linear and a quadratic part meet between 1 and 2, nearer to the one that is larger', () => {
    const fit = fitGrowth(
      lengths,
      lengths.map((n) => 32768 * n + 256 * n * n),
    );
    expect(fit.exponent).toBeGreaterThan(1.8);
    expect(fit.exponent).toBeLessThan(2);
    expect(fit.worst).toBeLessThan(0.1);
  });

  test('a constant has no growth', () => {
    const { constant, factor, exponent } = fitGrowth(
      lengths,
      lengths.map(() => 42),
    );
    expect(constant + factor * 1024 ** exponent).toBeCloseTo(42, 9);
  });

  test('a falling quantity gets no negative factor', () => {
    const { constant, factor } = fitGrowth(
      lengths,
      lengths.map((n) => 1e5 - n),
    );
    expect(Math.min(constant, factor)).toBeGreaterThanOrEqual(0);
  });

  test('refuses too few points, and zeros', () => {
    expect(() => fitGrowth([1, 2], [1, 2])).toThrow(/at least 3/);
    expect(() => fitGrowth([1, 2, 3], [1, 0, 2])).toThrow(/positive/);
  });
});
