import { matrixProduct, randomArray } from './arrays.js';
import { naiveLayerNorm } from './feed-forward.js';

/** The arrays of a Primal-Attention block, row-major; see `primal`. */
export interface PrimalArrays {
  x: ArrayLike<number>;
  gamma: ArrayLike<number>;
  beta: ArrayLike<number>;
  wq: ArrayLike<number>;
  bq: ArrayLike<number>;
  wk: ArrayLike<number>;
  bk: ArrayLike<number>;
  projections: ArrayLike<number>;
  combine: ArrayLike<number>;
  inner: ArrayLike<number>;
  bias: ArrayLike<number>;
}

/** B, N, d, H, s. */
export interface PrimalSizes {
  batch: number;
  length: number;
  width: number;
  heads: number;
  rank: number;
}

/** Arrays of random numbers. */
export function primalArrays({ batch, length, width, heads, rank }: PrimalSizes): PrimalArrays {
  const sizes = {
    x: batch * length * width,
    gamma: width,
    beta: width,
    wq: width * width,
    bq: width,
    wk: width * width,
    bk: width,
    projections: width * batch * 2 * rank, // [H, B, p, 2 s]
    combine: 2 * heads * rank * width,
    inner: width,
    bias: width,
  };
  const made = Object.entries(sizes).map(([name, size], i) => [name, randomArray(size, i + 10)]);
  return Object.fromEntries(made) as PrimalArrays;
}

/** x + drop(mask (sum_h C_h^T [e_h ; r_h] + c) + b) and the sums of squared scores [B, 2 H s], token by token in double precision. */
export function naivePrimal(
  arrays: PrimalArrays,
  { batch, length, width, heads, rank }: PrimalSizes,
  { mask, factors }: { mask: ArrayLike<number>; factors: ArrayLike<number> },
): { y: Float64Array; squares: Float64Array } {
  const tokens = batch * length;
  const size = width / heads;
  const h = naiveLayerNorm(arrays.x, arrays.gamma, arrays.beta, width);
  const linear = (kernel: ArrayLike<number>, bias: ArrayLike<number>): Float64Array =>
    matrixProduct(h, kernel, [tokens, width, width]).map((v, i) => v + bias[i % width]);
  const sides = [linear(arrays.wq, arrays.bq), linear(arrays.wk, arrays.bk)];
  const scores = new Float64Array(tokens * 2 * heads * rank);
  const squares = new Float64Array(batch * 2 * heads * rank);
  for (let token = 0; token < tokens; token++) {
    const sample = Math.floor(token / length);
    for (const [side, z] of sides.entries()) {
      for (let head = 0; head < heads; head++) {
        const from = token * width + head * size;
        const norm = Math.max(Math.hypot(...z.subarray(from, from + size)), 1e-12);
        for (let j = 0; j < rank; j++) {
          let score = 0;
          for (let f = 0; f < size; f++) {
            const row = (head * batch + sample) * size + f;
            score += (z[from + f] / norm) * arrays.projections[(2 * row + side) * rank + j];
          }
          const column = (side * heads + head) * rank + j;
          scores[token * 2 * heads * rank + column] = score;
          squares[sample * 2 * heads * rank + column] += score ** 2;
        }
      }
    }
  }
  const o = matrixProduct(scores, arrays.combine, [tokens, 2 * heads * rank, width]);
  const y = o.map((v, i) => {
    const masked = (v + arrays.inner[i % width]) * mask[Math.floor(i / width)] + arrays.bias[i % width];
    return arrays.x[i] + masked * factors[i];
  });
  return { y, squares };
}
