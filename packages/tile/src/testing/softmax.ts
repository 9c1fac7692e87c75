import type { SoftmaxConfig } from '../index.js';
import { randomArray } from './arrays.js';

/** Queries, keys and values, [B, N, H p]. */
export interface SoftmaxArrays {
  q: ArrayLike<number>;
  k: ArrayLike<number>;
  v: ArrayLike<number>;
}

/** Arrays of random numbers. @param spread of the queries, in units of 1 */
export function softmaxArrays({ batch, length, heads, headSize }: SoftmaxConfig, spread = 1): SoftmaxArrays {
  const size = batch * length * heads * headSize;
  return {
    q: randomArray(size, 40).map((value) => spread * value),
    k: randomArray(size, 41),
    v: randomArray(size, 42),
  };
}

/** What attention is given besides tokens. */
export interface SoftmaxGiven {
  /** [B, N], 1 for a real key. */
  mask: ArrayLike<number>;
  /** What dropout multiplies the weights with, [H, B, N, N]. */
  factors: ArrayLike<number>;
}

/** The weights of one head of one sample, [N, N], and which scores are products of queries and keys. */
function weightsOf(
  { q, k }: SoftmaxArrays,
  { length, heads, headSize, maskKeys, maskMode = 'exact', causal }: SoftmaxConfig,
  mask: ArrayLike<number>,
  [sample, head]: readonly [number, number],
): { weights: Float64Array; isProduct: boolean[] } {
  const weights = new Float64Array(length ** 2);
  const isProduct: boolean[] = [];
  const at = (token: number): number => ((sample * length + token) * heads + head) * headSize;
  for (let i = 0; i < length; i++) {
    const scores = Array.from({ length }, (_, j) => {
      let product = 0;
      for (let f = 0; f < headSize; f++) product += q[at(i) + f] * k[at(j) + f];
      const isLater = causal === true && j > i;
      const isPadded = maskKeys === true && mask[sample * length + j] === 0;
      isProduct.push(!isLater || maskMode !== 'gpt2');
      let score = product / Math.sqrt(headSize);
      if (isLater) score = maskMode === 'gpt2' ? -1e4 : Number.NEGATIVE_INFINITY;
      if (!isPadded) return score;
      if (maskMode === 'exact') return Number.NEGATIVE_INFINITY;
      // As float32 takes them from each other: 1e6 leaves 4 bits of a score's fraction.
      return Math.fround(Math.fround(score) - (maskMode === 'gpt2' ? 1e4 : 1e6));
    });
    const most = Math.max(...scores);
    if (most === Number.NEGATIVE_INFINITY) continue;
    const exponentials = scores.map((score) => Math.exp(score - most));
    const total = exponentials.reduce((sum, e) => sum + e);
    weights.set(
      exponentials.map((e) => e / total),
      i * length,
    );
  }
  return { weights, isProduct };
}

/** sum_j drop(softmax_j(q_i . k_j / sqrt(p))) v_j of each head, with all weights at once in double precision. */
export function naiveSoftmax(
  arrays: SoftmaxArrays,
  config: SoftmaxConfig,
  given: SoftmaxGiven,
): Float64Array {
  return eachHead(arrays, config, given, undefined).o;
}

/** The gradient of {@link naiveSoftmax}, each product of matrices by itself. @param dy [B, N, H p] */
export function naiveSoftmaxGradient(
  arrays: SoftmaxArrays,
  config: SoftmaxConfig,
  given: SoftmaxGiven,
  dy: ArrayLike<number>,
): { dq: Float64Array; dk: Float64Array; dv: Float64Array } {
  return eachHead(arrays, config, given, dy);
}

function eachHead(
  arrays: SoftmaxArrays,
  config: SoftmaxConfig,
  { mask, factors }: SoftmaxGiven,
  dy: ArrayLike<number> | undefined,
) {
  const { batch, length, heads, headSize } = config;
  const [o, dq, dk, dv] = Array.from({ length: 4 }, () => new Float64Array(arrays.q.length));
  for (let sample = 0; sample < batch; sample++) {
    for (let head = 0; head < heads; head++) {
      const { weights, isProduct } = weightsOf(arrays, config, mask, [sample, head]);
      const at = (token: number, f: number): number =>
        ((sample * length + token) * heads + head) * headSize + f;
      const factor = (i: number, j: number): number =>
        factors[((head * batch + sample) * length + i) * length + j];
      for (let i = 0; i < length; i++) {
        const dWeights = new Float64Array(length);
        let inner = 0;
        for (let j = 0; j < length; j++) {
          const dropped = weights[i * length + j] * factor(i, j);
          for (let f = 0; f < headSize; f++) {
            o[at(i, f)] += dropped * arrays.v[at(j, f)];
            if (dy === undefined) continue;
            dv[at(j, f)] += dropped * dy[at(i, f)];
            dWeights[j] += dy[at(i, f)] * arrays.v[at(j, f)] * factor(i, j);
          }
          inner += weights[i * length + j] * dWeights[j];
        }
        if (dy === undefined) continue;
        for (let j = 0; j < length; j++) {
          if (!isProduct[i * length + j]) continue;
          const dProduct = (weights[i * length + j] * (dWeights[j] - inner)) / Math.sqrt(headSize);
          for (let f = 0; f < headSize; f++) {
            dq[at(i, f)] += dProduct * arrays.k[at(j, f)];
            dk[at(j, f)] += dProduct * arrays.q[at(i, f)];
          }
        }
      }
    }
  }
  return { o, dq, dk, dv };
}

/** A mask whose samples are padded at the end, in the middle, everywhere, in turn. */
export function paddedKeys({ batch, length }: SoftmaxConfig): number[] {
  return Array.from({ length: batch * length }, (_, at) => {
    const [sample, token] = [Math.floor(at / length), at % length];
    if (sample % 3 === 2) return 0;
    return (sample % 3 === 0 ? token < 0.6 * length : token % 3 !== 0) ? 1 : 0;
  });
}
