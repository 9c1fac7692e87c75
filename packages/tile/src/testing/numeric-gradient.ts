/** The derivative of `loss` by each element of an array, by central differences in double precision. */
export function numericGradient(
  loss: (values: Float64Array) => number,
  at: ArrayLike<number>,
  step = 1e-4,
): Float64Array {
  const values = Float64Array.from(at);
  return Float64Array.from(at, (value, i) => {
    values[i] = value + step;
    const above = loss(values);
    values[i] = value - step;
    const below = loss(values);
    values[i] = value;
    return (above - below) / (2 * step);
  });
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
