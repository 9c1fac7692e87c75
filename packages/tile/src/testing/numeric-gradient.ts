import type { RowLayout, RowPlace } from '../kernels/row-layout.js';

/** Some derivatives of a number by the elements of an array. */
export interface Derivatives {
  /** The elements, spread over the array. */
  readonly places: readonly number[];
  readonly values: Float64Array;
}

/** By central differences, in double precision, at up to `count` elements. */
export function numericGradient(
  loss: (values: Float64Array) => number,
  at: ArrayLike<number>,
  count = 24,
): Derivatives {
  const step = 1e-4;
  const values = Float64Array.from(at);
  // An odd distance visits all rows and columns of matrices whose sizes are even.
  const distance = Math.max(1, Math.floor(at.length / count)) | 1;
  const places = Array.from({ length: Math.ceil(at.length / distance) }, (_, i) => i * distance);
  const derivatives = places.map((i) => {
    values[i] = at[i] + step;
    const above = loss(values);
    values[i] = at[i] - step;
    const below = loss(values);
    values[i] = at[i];
    return (above - below) / (2 * step);
  });
  return { places, values: Float64Array.from(derivatives) };
}

/** The elements of an array at these places. */
export function pick(values: ArrayLike<number>, places: readonly number[]): number[] {
  return places.map((i) => values[i]);
}

/** The inner product of two arrays. */
export function inner(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

/** The sum over an array's first axis. @param size elements of the other axes */
export function sumParts(parts: ArrayLike<number>, size: number): Float64Array {
  const sums = new Float64Array(size);
  for (let i = 0; i < parts.length; i++) sums[i % size] += parts[i];
  return sums;
}

/** The arrays of which each program wrote a part, in a row of its own. */
export function sumRows<Name extends string>(
  rows: ArrayLike<number>,
  { size, places }: RowLayout<Name>,
): Record<Name, Float64Array> {
  const sums = sumParts(rows, size);
  const arrays = Object.entries<RowPlace>(places).map(([name, { offset, shape }]) => [
    name,
    sums.subarray(offset, offset + shape.reduce((product, n) => product * n, 1)),
  ]);
  return Object.fromEntries(arrays) as Record<Name, Float64Array>;
}
