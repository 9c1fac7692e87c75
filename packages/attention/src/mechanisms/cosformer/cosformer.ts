import * as tf from '@tensorflow/tfjs';
import { checkShapes } from '../../check.js';
import { fullProduct, fullWeights, maskTokens } from '../../kernel-product.js';
import { causalProduct, checkCausalLengths } from '../../prefix-sums.js';

/** Options of {@link cosformerAttention}. */
export interface CosformerAttentionOptions {
  /** [B, N], 1 for a real key and 0 for a padded one. */
  mask?: tf.Tensor2D;
  /** Each token attends to those up to itself. Default false. */
  causal?: boolean;
  /** m, at least M and N: the distance at which tokens lose sight of each other. Default max(M, N), as in the official code. */
  maxLength?: number;
  /** The least denominator. Default 1e-6. */
  epsilon?: number;
}

/**
 * o_i = sum_j w_ij v_j / max(sum_j w_ij, 1e-6), w_ij = relu(q_i) . relu(k_j) cos(pi (i - j) / 2m); over j <= i when causal.
 *
 * The cosine of a difference is a product of features: w_ij = phi_i(q_i) . phi_j(k_j) with
 * phi_i(z) = [relu(z) sin(pi i / 2m), relu(z) cos(pi i / 2m)], i from 1.
 *
 * Shapes: q [H, B, M, p], k [H, B, N, p], v [H, B, N, c] to [H, B, M, c]; M = N when causal. Time O((M + N) p c), memory
 * O(M + N).
 *
 * A padded key has no weight, though padding counts in m. Padded queries are computed like any other. A sample without a real
 * key gives zeros, and so does a query without a positive entry; a denominator below 1e-6 has no gradient.
 *
 * How ours differs from the official code: it has no key mask, and m is always the longer of the two lengths, so that the
 * same tokens give other outputs in a longer batch: `maxLength` holds m fixed. Its causal form takes memory O(N p c). Its
 * option for elu + 1 in the place of relu fails when it is called, and is not here.
 *
 * Source: Qin et al. 2022; OpenNLPLab/cosFormer, cosformer.py.
 *
 * @throws Error if shapes do not fit; for causal attention with M != N; for a maxLength below M or N
 */
export function cosformerAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  options: CosformerAttentionOptions = {},
): tf.Tensor4D {
  const { mask, causal = false, epsilon = 1e-6 } = options;
  checkShapes('cosformerAttention', {
    q: [q, 'H B M p'],
    k: [k, 'H B N p'],
    v: [v, 'H B N c'],
    ...(mask && { mask: [mask, 'B N'] }),
  });
  if (causal) checkCausalLengths('cosformerAttention', q, k);
  const longer = Math.max(q.shape[2], k.shape[2]);
  const { maxLength = longer } = options;
  if (maxLength < longer) {
    throw new Error(
      `cosformerAttention: maxLength ${maxLength} is less than the length of the sequence, ${longer}; raise it`,
    );
  }
  return tf.tidy(() => {
    const queries = cosformerFeatures(q, maxLength); // [H, B, M, 2 p]
    const keys = cosformerFeatures(maskTokens(k, mask), maxLength); // [H, B, N, 2 p]
    const { sums, weights } = causal
      ? causalProduct(queries, keys, v)
      : { sums: fullProduct(queries, keys, v), weights: fullWeights(queries, keys) };
    return tf.div(sums, tf.maximum(weights, epsilon));
  });
}

/** [relu(z_i) sin(pi i / 2m), relu(z_i) cos(pi i / 2m)], i from 1: [H, B, N, p] to [H, B, N, 2 p]. */
function cosformerFeatures(z: tf.Tensor4D, maxLength: number): tf.Tensor4D {
  const [heads, batch, length, size] = z.shape;
  const angles = Float32Array.from({ length: 2 * length }, (_, at) => {
    const angle = (Math.PI * (Math.floor(at / 2) + 1)) / (2 * maxLength);
    return at % 2 === 0 ? Math.sin(angle) : Math.cos(angle);
  });
  const turned = tf.mul(
    tf.reshape(tf.relu(z), [heads, batch, length, 1, size]),
    tf.tensor(angles, [length, 2, 1]),
  ); // [H, B, N, 2, p]
  return tf.reshape(turned, [heads, batch, length, 2 * size]);
}
