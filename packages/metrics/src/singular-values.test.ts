import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { singularValues } from './singular-values.js';

const expectClose = (got: Float64Array, expected: number[], digits = 12): void => {
  expect(got).toHaveLength(expected.length);
  for (const [i, value] of expected.entries()) expect(got[i]).toBeCloseTo(value, digits);
};

const matrix = fc
  .tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }))
  .chain(([rows, cols]) =>
    fc
      .array(fc.integer({ min: -100, max: 100 }), { minLength: rows * cols, maxLength: rows * cols })
      .map((values) => ({ rows, cols, values: Float64Array.from(values) })),
  );

describe('singularValues', () => {
  it('of the identity are 1', () => {
    expectClose(singularValues(Float64Array.of(1, 0, 0, 0, 1, 0, 0, 0, 1), 3, 3), [1, 1, 1]);
  });

  it('of a diagonal matrix are the moduli in descending order', () => {
    expectClose(singularValues(Float32Array.of(2, 0, 0, 0, -5, 0, 0, 0, 3), 3, 3), [5, 3, 2]);
  });

  it('of a rank-1 matrix u v^T are |u| |v| and 0', () => {
    const [u, v] = [
      [3, 4],
      [1, 2, 2],
    ];
    const outer = Float64Array.from(u.flatMap((a) => v.map((b) => a * b)));
    expectClose(singularValues(outer, 2, 3), [15, 0]);
    const transposed = Float64Array.from(v.flatMap((b) => u.map((a) => a * b)));
    expectClose(singularValues(transposed, 3, 2), [15, 0]);
  });

  it('of [[3, 0], [4, 5]] are sqrt(45) and sqrt(5)', () => {
    expectClose(singularValues(Float64Array.of(3, 0, 4, 5), 2, 2), [Math.sqrt(45), Math.sqrt(5)]);
  });

  it('of matrices with many equal rows end, and have the rank of the rest', () => {
    // Softmax weights of 24 tokens and 12 padded ones, which all have the same row; float32 as a layer gives them.
    for (let seed = 1; seed <= 50; seed++) {
      let state = seed;
      const next = (): number => {
        state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
        return state / 2 ** 32;
      };
      const rows = Array.from({ length: 36 }, () => {
        const weights = Array.from({ length: 36 }, () => Math.exp(20 * next()));
        const sum = weights.reduce((a, b) => a + b);
        return weights.map((weight) => Math.fround(weight / sum));
      });
      for (let i = 24; i < 36; i++) rows[i] = rows[3];
      const got = singularValues(Float32Array.from(rows.flat()), 36, 36);
      expect(Math.hypot(...got)).toBeCloseTo(Math.hypot(...rows.flat()), 10);
      expect(Math.max(...got.subarray(24))).toBeLessThan(1e-14 * got[0]);
    }
  });

  it('of zeros are 0, of a single number its modulus', () => {
    expectClose(singularValues(new Float64Array(6), 2, 3), [0, 0]);
    expectClose(singularValues(Float64Array.of(-7), 1, 1), [7]);
  });

  it('are descending, the same for the transpose, and their squares sum to the squared Frobenius norm', () => {
    fc.assert(
      fc.property(matrix, ({ rows, cols, values }) => {
        const got = singularValues(values, rows, cols);
        expect(got).toHaveLength(Math.min(rows, cols));
        expect([...got]).toEqual([...got].sort((a, b) => b - a));
        const transposed = Float64Array.from(
          values,
          (_, i) => values[(i % rows) * cols + Math.floor(i / rows)],
        );
        // Relative to a norm of at most 600, float64: eight digits after the point are far above the rounding.
        expectClose(singularValues(transposed, cols, rows), [...got], 8);
        const norm = Math.hypot(...values);
        expect(Math.hypot(...got)).toBeCloseTo(norm, 8);
      }),
    );
  });

  it('leaves its argument alone', () => {
    const values = Float64Array.of(1, 2, 3, 4);
    singularValues(values, 2, 2);
    expect(values).toEqual(Float64Array.of(1, 2, 3, 4));
  });

  it('refuses wrong sizes, NaN and infinity', () => {
    expect(() => singularValues(new Float64Array(5), 2, 3)).toThrow(
      'singularValues: 5 values, expected 2 x 3 = 6',
    );
    expect(() => singularValues(new Float64Array(0), 0, 3)).toThrow(
      'the number of rows must be a whole number',
    );
    expect(() => singularValues(new Float64Array(3), 3, 1.5)).toThrow(
      'the number of columns must be a whole number',
    );
    expect(() => singularValues(Float64Array.of(1, Number.NaN), 1, 2)).toThrow('value 1 is NaN');
    expect(() => singularValues(Float32Array.of(Number.NEGATIVE_INFINITY), 1, 1)).toThrow(
      'value 0 is -Infinity',
    );
  });
});
