import * as tf from '@tensorflow/tfjs';

/*
 * Attention of a kernel w_ij = q_i . k_j, with q and k the features of queries and keys, without its M x N matrix. The causal
 * counterparts are in prefix-sums.ts.
 */

/** x [H, B, N, p], with zeros where the mask [B, N] has zeros. */
export function maskTokens(x: tf.Tensor4D, mask?: tf.Tensor2D): tf.Tensor4D {
  if (mask === undefined) return x;
  return tf.mul(x, tf.reshape(mask, [1, mask.shape[0], mask.shape[1], 1])); // [1, B, N, 1]
}

/** scale sum_j (q_i . k_j) v_j: q [H, B, M, p], k [H, B, N, p], v [H, B, N, c] to [H, B, M, c]. */
export function fullProduct(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, scale?: number): tf.Tensor4D {
  const state = tf.matMul(k, v, true, false); // [H, B, p, c]
  // On p c numbers instead of N p.
  return tf.matMul(q, scale === undefined ? state : tf.mul(state, scale)) as tf.Tensor4D;
}

/** sum_j q_i . k_j: q [H, B, M, p], k [H, B, N, p] to [H, B, M, 1]. */
export function fullWeights(q: tf.Tensor4D, k: tf.Tensor4D): tf.Tensor4D {
  return tf.matMul(q, tf.sum(k, 2, true), false, true) as tf.Tensor4D;
}
