import { expect } from 'vitest';

/** Numbers in (-1, 1), the same at each run. */
export function randomArray(size: number, seed: number): Float32Array {
  let state = seed >>> 0;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 31 - 1;
  });
}

/** Row-major [m, k] times [k, n], in double precision. */
export function matrixProduct(
  a: ArrayLike<number>,
  b: ArrayLike<number>,
  [m, k, n]: readonly [number, number, number],
): Float64Array {
  const product = new Float64Array(m * n);
  for (let i = 0; i < m; i++) {
    for (let j = 0; j < n; j++) {
      for (let l = 0; l < k; l++) product[i * n + j] += a[i * k + l] * b[l * n + j];
    }
  }
  return product;
}

/** Largest difference, in units of the largest expected number. */
export function relativeError(given: ArrayLike<number>, expected: ArrayLike<number>): number {
  expect(given.length).toBe(expected.length);
  let [difference, size] = [0, 0];
  for (let i = 0; i < given.length; i++) {
    if (Number.isNaN(given[i])) return Number.NaN;
    difference = Math.max(difference, Math.abs(given[i] - expected[i]));
    size = Math.max(size, Math.abs(expected[i]));
  }
  return difference / size;
}
