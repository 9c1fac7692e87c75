import { stopGradient } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { maskTokens } from '../../kernel-product.js';
import { causalProduct, prefixSums } from '../../prefix-sums.js';
import { halfSquares, keyMaxima, projectOn } from './features.js';

/** exp(60) = 1e26 leaves room in float32 for sums over tokens and features. */
const largestExponent = 60;

/**
 * sums_t = sum_{j <= t} phi(q_t) . phi_t(k_j) v_j and weights_t = sum_{j <= t} phi(q_t) . phi_t(k_j), both times one positive
 * number per t, which cancels in their quotient; phi_t(k) = exp(R k - |k|^2/2 - M_t) + eps, where M_t is the largest
 * (R k_j)_r of the keys up to t.
 *
 * phi_t changes with t, so what is summed is each of its terms without M_t: exp(R k_j - |k_j|^2/2 - c) v_j and v_j. The
 * exponent needs no M_t, since R k - |k|^2/2 <= |w|^2/2 whatever k is; c, which is 0 for heads of usual size, is chosen from R
 * alone. So a later key changes nothing at t, not even a rounding.
 *
 * Shapes: features phi(q) [H, B, N, m], k [H, B, N, p], v [H, B, N, c] (zeros for padded tokens) and R [m, p] to
 * [H, B, N, c] and [H, B, N, 1].
 */
export function causalSoftmaxFeatures(
  queries: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  projection: tf.Tensor2D,
  scale: number,
  epsilon: number,
  mask?: tf.Tensor2D,
): { sums: tf.Tensor4D; weights: tf.Tensor4D } {
  const [heads, batch, length, size] = v.shape;
  const projected = projectOn(k, projection, scale); // [H, B, N, m]
  const bound = tf.mul(tf.max(tf.sum(tf.square(projection), 1)), 1 / 2); // max_r |w_r|^2 / 2
  const offset = stopGradient(tf.relu(tf.sub(bound, largestExponent))); // c
  const exponentials = tf.exp(tf.sub(projected, tf.add(halfSquares(k, scale), offset)));
  const keys = maskTokens(exponentials as tf.Tensor4D, mask);
  const { sums, weights } = causalProduct(queries, keys, v);

  const most = runningMax(keyMaxima(projected, mask)); // M_t, [H, B, N, 1]
  // exp(c - M_t), and eps beside it; where the former would overflow, both are made smaller.
  const above = tf.sub(offset, most);
  const factor = tf.exp(tf.minimum(above, largestExponent)); // [H, B, N, 1]
  const share = tf.mul(tf.exp(tf.minimum(tf.sub(largestExponent, above), 0)), epsilon); // [H, B, N, 1]

  const ones = tf.ones([heads, batch, length, 1]) as tf.Tensor4D;
  const plain = prefixSums(tf.concat([v, maskTokens(ones, mask)], 3)); // [H, B, N, c + 1]
  const [valueSums, counts] = tf.split(plain, [size, 1], 3);
  const base = tf.mul(tf.sum(queries, 3, true), share); // [H, B, N, 1]
  return {
    sums: tf.add(tf.mul(sums, factor), tf.mul(base, valueSums)),
    weights: tf.add(tf.mul(weights, factor), tf.mul(base, counts)),
  };
}

/** The largest of the tokens up to each one: [H, B, N, 1] to the same, in log2(N) steps. */
function runningMax(x: tf.Tensor4D): tf.Tensor4D {
  const [heads, batch, length] = x.shape;
  let most = x;
  for (let reach = 1; reach < length; reach *= 2) {
    const first = tf.slice(most, 0, [heads, batch, reach, 1]);
    const later = tf.slice(most, [0, 0, reach, 0], [heads, batch, length - reach, 1]);
    const before = tf.slice(most, 0, [heads, batch, length - reach, 1]);
    most = tf.concat([first, tf.maximum(later, before)], 2); // [H, B, N, 1]
  }
  return most;
}
