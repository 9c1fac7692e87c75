import { describe, expect, test } from 'vitest';
import type { Line } from './measurement.js';
import { crossings, crossoverSentence, crossoverSentences, curvesOf, linearFit } from './scaling.js';
import type { ModelName } from './settings.js';
import { lineOf } from './testing/line-of.js';

const lengths = [1024, 2048, 4096, 8192, 16384];

describe('linearFit', () => {
  test('finds the line through points that lie on one', () => {
    const fit = linearFit(
      lengths,
      lengths.map((n) => 0.5 + 0.001 * n),
    );
    expect(fit.constant).toBeCloseTo(0.5, 10);
    expect(fit.slope).toBeCloseTo(0.001, 12);
    expect(fit.rSquared).toBeCloseTo(1, 12);
  });

  test('explains less of what is not linear', () => {
    // By hand: mean y 14 / 3, b = 4, a = -10 / 3, errors 1/3, -2/3, 1/3; 1 - (6 / 9) / (98 / 3).
    const fit = linearFit([1, 2, 3], [1, 4, 9]);
    expect(fit.slope).toBeCloseTo(4, 12);
    expect(fit.constant).toBeCloseTo(-10 / 3, 12);
    expect(fit.rSquared).toBeCloseTo(1 - 6 / 9 / (98 / 3), 12);
  });

  test('refuses fewer than three different x', () => {
    expect(() => linearFit([1, 2, 2], [1, 2, 3])).toThrow(/at least 3 different x/);
    expect(() => linearFit([1, 2, 3], [1, 2])).toThrow(/linearFit/);
  });
});

describe('where curves cross', () => {
  const linear = lengths.map((n) => 0.004 * n);
  const quadratic = lengths.map((n) => n * n * 1e-6);

  test('is exact for powers of N', () => {
    // 0.004 N = 1e-6 N^2 at N = 4000.
    const [crossing, ...more] = crossings(lengths, linear, quadratic);
    expect(more).toEqual([]);
    expect(crossing.at).toBeCloseTo(4000, 6);
    expect(crossing.lowerAfter).toBe(true);
    const [back] = crossings(lengths, quadratic, linear);
    expect(back.at).toBeCloseTo(4000, 6);
    expect(back.lowerAfter).toBe(false);
  });

  test('is told in words', () => {
    expect(crossoverSentence('A', 'B', lengths, linear, quadratic)).toBe(
      'A is slower than B at first, faster from about N = 4,000 on (interpolated).',
    );
    expect(crossoverSentence('A', 'B', lengths, [1, 1, 1, 1, 1], [2, 2, 2, 2, 2])).toBe(
      'A is faster than B at every N measured (1,024 to 16,384).',
    );
    expect(crossoverSentence('A', 'B', lengths, [3, 3, 3, 3, 3], [2, 2, 2, 2, 2])).toBe(
      'A is slower than B at every N measured (1,024 to 16,384).',
    );
    expect(crossoverSentence('A', 'B', [1024, 2048, 4096], [1, 3, 1], [2, 2, 2])).toMatch(
      /^A is faster than B at first, slower from about N = 1,600 on, faster from about N = 2,600 on/,
    );
    expect(crossoverSentence('A', 'B', [4096], [1], [2])).toBe('A is faster than B at N 4,096.');
    expect(crossoverSentence('A', 'B', [], [], [])).toBe(
      'There is no N at which both A and B were measured.',
    );
  });
});

describe('curves', () => {
  const point = (model: ModelName, length: number, msPerStep: number): Line =>
    lineOf({ part: 'scaling', model, length, batch: 8 }, { msPerStep, devicePeakBytes: 1000 * length });

  test('are in ascending N, and a length that failed is none of their points', () => {
    const lines: Line[] = [
      ...[2048, 1024, 4096].map((n) => point('Primal.', n, n / 1000)),
      ...[1024, 2048].map((n) => point('Trans.', n, (n / 1000) ** 2)),
      lineOf({ part: 'scaling', model: 'Trans.', length: 4096, batch: 8 }, { failure: 'out of memory' }),
      lineOf({ part: 'table', model: 'Trans.' }, {}),
    ];
    const curves = curvesOf(lines);
    expect(curves.map(({ model }) => model)).toEqual(['Primal.', 'Trans.']);
    expect(curves[0]).toMatchObject({
      lengths: [1024, 2048, 4096],
      msPerStep: [1.024, 2.048, 4.096],
      bytes: [1_024_000, 2_048_000, 4_096_000],
      bytesAreMeasured: true,
    });
    expect(curves[1]).toMatchObject({
      lengths: [1024, 2048],
      failures: [{ length: 4096, failure: 'out of memory' }],
    });
    expect(crossoverSentences(curves)).toEqual([
      'bf16, batch 8: Primal. is faster than Trans. at every N measured (1,024 to 2,048). Trans. failed at N 4,096.',
    ]);
  });

  test('of the two forms are compared with their own kind', () => {
    const both = (['off', 'on'] as const).flatMap((kernels) =>
      [1024, 2048].flatMap((length) => [
        lineOf({ part: 'scaling', kernels, length, batch: 8 }, { msPerStep: kernels === 'on' ? 1 : 4 }),
        lineOf({ part: 'scaling', kernels, model: 'Trans.', length, batch: 8 }, { msPerStep: 2 }),
      ]),
    );
    expect(crossoverSentences(curvesOf(both))).toEqual([
      'bf16, batch 8: Primal. is slower than Trans. at every N measured (1,024 to 2,048).',
      'bf16, batch 8: Primal. + kernels is faster than Trans. + kernels at every N measured (1,024 to 2,048).',
    ]);
    // Plain formulations under the other form's name are no curve of it.
    const refused = both.map((line) =>
      line.kernels === 'on' ? { ...line, kernelsRefused: 'none here' } : line,
    );
    expect(curvesOf(refused).map(({ kernels }) => kernels)).toEqual(['off', 'off']);
  });

  test('of several batches are refused', () => {
    const other = lineOf({ part: 'scaling', model: 'Primal.', length: 2048, batch: 4 }, {});
    expect(() => curvesOf([point('Primal.', 1024, 1), other])).toThrow(/several batches \(8, 4\)/);
  });

  test('have the planned memory where the device does not count', () => {
    const line = lineOf(
      { part: 'scaling', model: 'Primal.', length: 1024, batch: 8 },
      { devicePeakBytes: null, programBytes: 77 },
    );
    expect(curvesOf([line])[0]).toMatchObject({ bytes: [77], bytesAreMeasured: false });
  });
});
