import * as tf from '@tensorflow/tfjs';
import { checkShapes } from '../../check.js';
import { fullProduct, maskTokens } from '../../kernel-product.js';
import { cosineFeatureMap } from '../primal/feature-map.js';

/** Options of {@link cosineAttention}. */
export interface CosineAttentionOptions {
  /** [B, N], 1 for a real key and 0 for a padded one. */
  mask?: tf.Tensor2D;
}

/**
 * o_i = sum_j cos(q_i, k_j) v_j / (M^(1/4) N^(1/4)), cos(a, b) = a . b / (||a|| ||b||), without a denominator: the dual side
 * of Primal-Attention's feature map, with values in the place of singular vectors.
 *
 * Shapes: q [H, B, M, p], k [H, B, N, p], v [H, B, N, c] to [H, B, M, c]. Time O((M + N) p c), memory O(M + N).
 *
 * A padded key has no weight, though padding counts in N. Padded queries are computed like any other. A sample without a
 * real key gives zeros. Vectors of length 0 are similar to nothing.
 *
 * How ours differs from the official code: the division by N^(1/4) of unit queries and of unit keys is done once, on the
 * product of keys and values. The paper has no such mechanism.
 *
 * Source: yingyichen-cyy/PrimalAttention, PrimalAttention_LRA/PrimalFormer/attentions/attention_cos.py.
 *
 * @throws Error if shapes do not fit
 */
export function cosineAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  { mask }: CosineAttentionOptions = {},
): tf.Tensor4D {
  checkShapes('cosineAttention', {
    q: [q, 'H B M p'],
    k: [k, 'H B N p'],
    v: [v, 'H B N c'],
    ...(mask && { mask: [mask, 'B N'] }),
  });
  return tf.tidy(() => {
    const keys = maskTokens(cosineFeatureMap(k), mask);
    return fullProduct(cosineFeatureMap(q), keys, v, 1 / Math.sqrt(Math.sqrt(q.shape[2] * k.shape[2])));
  });
}
