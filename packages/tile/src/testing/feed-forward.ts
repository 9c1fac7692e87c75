import { erf } from '../interpret/special.js';
import { matrixProduct, randomArray } from './arrays.js';

/** The arrays of a feed-forward block, row-major. */
export interface FeedForwardArrays {
  x: ArrayLike<number>;
  gamma: ArrayLike<number>;
  beta: ArrayLike<number>;
  w1: ArrayLike<number>;
  b1: ArrayLike<number>;
  w2: ArrayLike<number>;
  b2: ArrayLike<number>;
}

/** Arrays of random numbers. */
export function feedForwardArrays(rows: number, width: number, hidden: number): FeedForwardArrays {
  const sizes = {
    x: rows * width,
    gamma: width,
    beta: width,
    w1: width * hidden,
    b1: hidden,
    w2: hidden * width,
    b2: width,
  };
  const made = Object.entries(sizes).map(([name, size], i) => [name, randomArray(size, i + 1)]);
  return Object.fromEntries(made) as FeedForwardArrays;
}

/** gamma (x - mean) / sqrt(var + 1e-5) + beta of each row, in double precision. */
export function naiveLayerNorm(
  x: ArrayLike<number>,
  gamma: ArrayLike<number>,
  beta: ArrayLike<number>,
  width: number,
): Float64Array {
  const out = new Float64Array(x.length);
  for (let start = 0; start < x.length; start += width) {
    const row = Array.from({ length: width }, (_, j) => x[start + j]);
    const mean = row.reduce((sum, v) => sum + v, 0) / width;
    const variance = row.reduce((sum, v) => sum + (v - mean) ** 2, 0) / width;
    for (let j = 0; j < width; j++) {
      out[start + j] = (gamma[j] * (row[j] - mean)) / Math.sqrt(variance + 1e-5) + beta[j];
    }
  }
  return out;
}

/**
 * x + drop(W2^T drop(gelu(W1^T LN(x) + b1)) + b2), operation by operation, in double precision.
 *
 * @param factors what dropout multiplies with: of the hidden layer [rows, hidden], of the output [rows, width]
 */
export function naiveFeedForward(
  { x, gamma, beta, w1, b1, w2, b2 }: FeedForwardArrays,
  [rows, width, hidden]: readonly [number, number, number],
  factors: { hidden: ArrayLike<number>; output: ArrayLike<number> },
): Float64Array {
  const h = naiveLayerNorm(x, gamma, beta, width);
  const f = matrixProduct(h, w1, [rows, width, hidden]).map((product, i) => {
    const u = product + b1[i % hidden];
    return ((u * (1 + erf(u / Math.SQRT2))) / 2) * factors.hidden[i];
  });
  return matrixProduct(f, w2, [rows, hidden, width]).map(
    (product, i) => x[i] + (product + b2[i % width]) * factors.output[i],
  );
}
