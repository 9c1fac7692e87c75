import * as tf from '@tensorflow/tfjs';
import { checkShapes } from '../../check.js';
import { maskTokens } from '../../kernel-product.js';

/** Options of {@link linformerAttention}. */
export interface LinformerAttentionOptions {
  /** [B, N], 1 for a real key and 0 for a padded one. */
  mask?: tf.Tensor2D;
}

/**
 * o_i = sum_r softmax_r(q_i . (E K)_r / sqrt(p)) (E V)_r: softmax attention over r projected keys and values instead of N.
 *
 * Shapes: q [H, B, M, p], k, v [H, B, N, p] and projection E [H, r, L] with L >= N to [H, B, M, p]. A sequence shorter than L
 * takes the first N columns of E. Time and memory O((M + N) r).
 *
 * Padded keys and values are zeros before E, so that what they hold changes nothing, and padding at the end gives what the
 * shorter sequence gives. The softmax has no mask, and cannot have one: its r slots are mixtures of all tokens. A sample
 * without a real key gives zeros.
 *
 * How ours differs from the official code: sequences may be shorter than E.
 *
 * Source: Wang et al. 2020 (E shared by keys and values); yingyichen-cyy/PrimalAttention,
 * PrimalAttention_LRA/PrimalFormer/attentions/attention_linformer.py.
 *
 * @throws Error if shapes do not fit, or the sequence is longer than L
 */
export function linformerAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  projection: tf.Tensor3D,
  { mask }: LinformerAttentionOptions = {},
): tf.Tensor4D {
  checkShapes('linformerAttention', {
    q: [q, 'H B M p'],
    k: [k, 'H B N p'],
    v: [v, 'H B N c'],
    projection: [projection, 'H r L'],
    ...(mask && { mask: [mask, 'B N'] }),
  });
  const [, , length, size] = k.shape;
  const longest = projection.shape[2];
  if (length > longest) {
    throw new Error(
      `linformerAttention: the projection is for at most ${longest} tokens, got ${length}; make it longer`,
    );
  }
  return tf.tidy(() => {
    const columns = length === longest ? projection : tf.slice(projection, 0, [-1, -1, length]); // [H, r, N]
    const keys = projectTokens(columns, maskTokens(k, mask)); // [H, B, r, p]
    const values = projectTokens(columns, maskTokens(v, mask)); // [H, B, r, c]
    // The scale on r p numbers instead of M p or M r.
    const scores = tf.matMul(q, tf.mul(keys, 1 / Math.sqrt(size)), false, true); // [H, B, M, r]
    return tf.matMul(tf.softmax(scores), values) as tf.Tensor4D; // [H, B, M, c]
  });
}

/** E X per head: E [H, r, N] and X [H, B, N, p] to [H, B, r, p]. */
function projectTokens(projection: tf.Tensor3D, x: tf.Tensor4D): tf.Tensor4D {
  const [heads, batch, length, size] = x.shape;
  const rank = projection.shape[1];
  // Samples become columns, so that one product per head serves the whole batch, and its gradient in E sums over it.
  const columns = tf.reshape(tf.transpose(x, [0, 2, 1, 3]), [heads, length, batch * size]); // [H, N, B p]
  const projected = tf.matMul(projection, columns as tf.Tensor3D); // [H, r, B p]
  const apart = tf.reshape(projected, [heads, rank, batch, size]) as tf.Tensor4D; // [H, r, B, p]
  return tf.transpose(apart, [0, 2, 1, 3]); // [H, B, r, p]
}
