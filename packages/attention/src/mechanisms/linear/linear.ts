import * as tf from '@tensorflow/tfjs';
import { checkShapes } from '../../check.js';
import { fullProduct, fullWeights, maskTokens } from '../../kernel-product.js';
import { causalProduct, checkCausalLengths } from '../../prefix-sums.js';

/** Options of {@link linearAttention}. */
export interface LinearAttentionOptions {
  /** [B, N], 1 for a real key and 0 for a padded one. */
  mask?: tf.Tensor2D;
  /** Each token attends to those up to itself. Default false. */
  causal?: boolean;
  /** False: the form of the LRA code, without a denominator. Default true. */
  normalise?: boolean;
  /** Added to the denominator. Default 1e-6. */
  epsilon?: number;
}

/**
 * phi(z) = elu(z) + 1: z + 1 from 0 on, exp(z) below.
 *
 * Computed as written here. The official code adds 1 to elu(z) = exp(z) - 1, which in float32 leaves of phi(-8) = 3.4e-4
 * only three digits, and of phi(-17) nothing.
 */
export function eluFeatureMap<T extends tf.Tensor>(z: T): T {
  return tf.tidy(() => tf.add(tf.exp(tf.minimum(z, 0)), tf.relu(z)) as T);
}

/**
 * o_i = sum_j phi(q_i) . phi(k_j) v_j / (sum_j phi(q_i) . phi(k_j) + 1e-6), phi = elu + 1; over j <= i when causal.
 * Not normalised: o_i = sum_j phi(q_i) . phi(k_j) v_j / (M^(1/4) N^(1/4)).
 *
 * Shapes: q [H, B, M, p], k [H, B, N, p], v [H, B, N, c] to [H, B, M, c]; M = N when causal. Time O((M + N) p c), memory
 * O(M + N).
 *
 * A padded key has no weight. Padded queries are computed like any other. A sample without a real key gives zeros.
 *
 * How ours differs from the official code: phi keeps its digits far below 0 ({@link eluFeatureMap}); masks may have their
 * zeros anywhere; the causal sums are over chunks of tokens.
 *
 * Source: Katharopoulos et al. 2020; idiap/fast-transformers, fast_transformers/attention/linear_attention.py and
 * causal_linear_attention.py. Not normalised: yingyichen-cyy/PrimalAttention,
 * PrimalAttention_LRA/PrimalFormer/attentions/attention_linear.py.
 *
 * @throws Error if shapes do not fit; for causal attention with M != N; for causal attention that is not normalised, which
 *   nobody has
 */
export function linearAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  options: LinearAttentionOptions = {},
): tf.Tensor4D {
  const { mask, causal = false, normalise = true, epsilon = 1e-6 } = options;
  checkShapes('linearAttention', {
    q: [q, 'H B M p'],
    k: [k, 'H B N p'],
    v: [v, 'H B N c'],
    ...(mask && { mask: [mask, 'B N'] }),
  });
  if (causal) {
    if (!normalise) throw new Error('linearAttention: causal attention needs normalise: true');
    checkCausalLengths('linearAttention', q, k);
  }
  return tf.tidy(() => {
    const queries = eluFeatureMap(q);
    const keys = maskTokens(eluFeatureMap(k), mask);
    if (causal) {
      const { sums, weights } = causalProduct(queries, keys, v);
      return tf.div(sums, tf.add(weights, epsilon));
    }
    if (!normalise) return fullProduct(queries, keys, v, 1 / Math.sqrt(Math.sqrt(q.shape[2] * k.shape[2])));
    const sums = fullProduct(queries, keys, v); // [H, B, M, c]
    return tf.div(sums, tf.add(fullWeights(queries, keys), epsilon));
  });
}
