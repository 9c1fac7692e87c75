import { describe, expect, it } from 'vitest';
import { interpret, primal, primalProgram } from '../index.js';
import { relativeError } from '../testing/arrays.js';
import { dropoutFactors } from '../testing/factors.js';
import { naivePrimal, primalArrays } from '../testing/primal.js';

/** The parts of all programs together, [B, columns]. */
function total(parts: Float32Array, batch: number, columns: number): Float64Array {
  const sums = new Float64Array(batch * columns);
  const each = parts.length / batch;
  for (let i = 0; i < parts.length; i++) sums[Math.floor(i / each) * columns + (i % columns)] += parts[i];
  return sums;
}

describe('primal', () => {
  it.each([
    // float32 arithmetic throughout; a few dozen roundings.
    ['float32', { batch: 2, length: 64, width: 32, heads: 2, rank: 5 }, 0, 'elements', 2e-6],
    ['float32', { batch: 3, length: 37, width: 32, heads: 2, rank: 20 }, 0.3, 'elements', 2e-6],
    ['float32', { batch: 1, length: 7, width: 64, heads: 1, rank: 16 }, 0.1, 'products', 2e-6],
    // What enters the products and the result have 8 bits.
    ['bfloat16', { batch: 2, length: 37, width: 32, heads: 2, rank: 5 }, 0.3, 'products', 2 ** -6],
  ] as const)(
    'in %s with %o and rate %d, drawn by %s, is the plain formulation',
    (dtype, sizes, rate, draw, tolerance) => {
      const { batch, length, width, heads, rank } = sizes;
      const given = primalArrays(sizes);
      const { key, factors } = dropoutFactors([batch, length, width], rate, 9, draw);
      const mask = Array.from({ length: batch * length }, (_, i) => (i % 5 === 0 ? 0 : 1));
      const config = { ...sizes, rate, draw, dtype, maskOutput: true, rowsPerTile: 16, tilesPerProgram: 2 };
      const { grid, results } = primalProgram(config);
      const { y, squares } = interpret(primal(config), {
        grid,
        inputs: { ...given, mask, key },
        outputs: { y: results[0].shape, squares: results[1].shape },
        roundTf32: false,
      });
      const expected = naivePrimal(given, sizes, { mask, factors });
      expect(relativeError(y, expected.y)).toBeLessThan(tolerance);
      expect(relativeError(total(squares, batch, 2 * heads * rank), expected.squares)).toBeLessThan(
        tolerance,
      );
    },
  );

  it('keeps samples apart', () => {
    const sizes = { batch: 2, length: 20, width: 16, heads: 1, rank: 3 };
    const given = primalArrays(sizes);
    const run = (x: ArrayLike<number>) => {
      const config = { ...sizes, rowsPerTile: 16, tilesPerProgram: 1 };
      const { grid, results } = primalProgram(config);
      return interpret(primal(config), {
        grid,
        inputs: { ...given, x, mask: [], key: [] },
        outputs: { y: results[0].shape, squares: results[1].shape },
      });
    };
    const before = run(given.x);
    const after = run(Float32Array.from(given.x, (v, i) => (i < 20 * 16 ? 1 - v : v)));
    expect(after.y.subarray(20 * 16)).toEqual(before.y.subarray(20 * 16));
    expect(after.squares.subarray(2 * 6)).toEqual(before.squares.subarray(2 * 6));
    expect(after.y.subarray(0, 20 * 16)).not.toEqual(before.y.subarray(0, 20 * 16));
  });

  it('gives a zero vector the feature map 0, not NaN', () => {
    const sizes = { batch: 1, length: 16, width: 16, heads: 1, rank: 3 };
    const zero = (size: number) => new Float32Array(size);
    const given = { ...primalArrays(sizes), wq: zero(256), bq: zero(16), wk: zero(256), bk: zero(16) };
    const { grid, results } = primalProgram(sizes);
    const { y, squares } = interpret(primal(sizes), {
      grid,
      inputs: { ...given, mask: [], key: [] },
      outputs: { y: results[0].shape, squares: results[1].shape },
    });
    expect([...squares]).toEqual([0, 0, 0, 0, 0, 0]);
    expect(y.every(Number.isFinite)).toBe(true);
  });

  it.each([
    [{ length: 0 }, /primal: length must be 1 or more, got 0/],
    [{ rank: 1.5 }, /primal: rank must be 1 or more, got 1\.5/],
    [{ width: 24 }, /primal: width must be a power of two of 16 or more, got 24/],
    [{ heads: 4 }, /primal: width \/ heads must be a power of two of 16 or more, got 8/],
    [{ rate: -1 }, /primal: rate must be in \[0, 1\), got -1/],
  ])('refuses %o', (wrong, message) => {
    const sizes = { batch: 1, length: 16, width: 32, heads: 2, rank: 3 };
    expect(() => primal({ ...sizes, ...wrong })).toThrow(message);
  });
});
