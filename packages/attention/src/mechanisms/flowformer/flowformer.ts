import * as tf from '@tensorflow/tfjs';
import { checkShapes } from '../../check.js';
import { maskTokens } from '../../kernel-product.js';
import { checkCausalLengths } from '../../prefix-sums.js';
import { causalFlow } from './causal.js';
import { type Flow, flowClamp } from './flow.js';
import { fullFlow } from './full.js';

/** Options of {@link flowformerAttention}. */
export interface FlowformerAttentionOptions {
  /** [B, N], 1 for a real key (a source) and 0 for a padded one. */
  mask?: tf.Tensor2D;
  /** [B, M], 1 for a real query (a sink) and 0 for a padded one. */
  queryMask?: tf.Tensor2D;
  /** Each token attends to those up to itself. Default false. */
  causal?: boolean;
  /**
   * The bound of the conserved sources: 1 in the repository's core, none for the series of UEA, 10 for D4RL, 5 for WikiText.
   * Default `none`, and 10 when causal.
   */
  clamp?: number | 'none';
  /** Added to both factors of each flow. Default 1e-6. */
  epsilon?: number;
}

/**
 * Flow-Attention: with phi = sigmoid, M queries as sinks and N keys as sources,
 *
 * | | |
 * |---|---|
 * | incoming flow | I_i = phi(q_i) . sum_j phi(k_j) |
 * | outgoing flow | O_j = phi(k_j) . sum_i phi(q_i) |
 * | conserved sink | I'_i = phi(q_i) . sum_j phi(k_j) / O_j |
 * | conserved source | O'_j = phi(k_j) . sum_i phi(q_i) / I_i, kept within -c .. c |
 * | output | o_i = sigmoid(I'_i M / N) phi(q_i) / I_i . sum_j phi(k_j) N softmax_j(O'_j) v_j |
 *
 * with 1e-6 added to both factors of the four dot products. Causal (`causalFlow`): every sum ends at the token itself,
 * and the counts M and N become the position.
 *
 * Shapes: q [H, B, M, p], k [H, B, N, p], v [H, B, N, c] to [H, B, M, c]; M = N when causal. Time O((M + N) p c), memory
 * O(M + N).
 *
 * Masks (the official code has none): the real tokens get what they would get without the padded ones; a padded key has no
 * weight, a padded query draws from no source and gets zeros. For self-attention give the same mask twice: with `mask` alone,
 * padded queries still take part in the outgoing flows. A sample without a real key gives zeros.
 *
 * How ours differs from the official code: the causal form there takes memory O(N p c); causal sources are always kept within
 * -40 .. 40 here, so that their exponentials stay finite (no published clamp is that wide); dropout after the output map
 * belongs to the model here.
 *
 * Source: Wu et al. 2022; thuml/Flowformer, Flow_Attention.py, Flowformer_TimeSeries/models/Flow_Attention.py and
 * Flowformer_RL/decision_transformer/models/flowformer_attention.py.
 *
 * @throws Error if shapes do not fit; for causal attention with M != N
 */
export function flowformerAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  options: FlowformerAttentionOptions = {},
): tf.Tensor4D {
  const { mask, queryMask, causal = false, epsilon = 1e-6 } = options;
  checkShapes('flowformerAttention', {
    q: [q, 'H B M p'],
    k: [k, 'H B N p'],
    v: [v, 'H B N c'],
    ...(mask && { mask: [mask, 'B N'] }),
    ...(queryMask && { queryMask: [queryMask, 'B M'] }),
  });
  if (causal) checkCausalLengths('flowformerAttention', q, k);
  const clamp = flowClamp('flowformerAttention', options.clamp, causal);
  return tf.tidy(() => {
    const flow: Flow = {
      sinks: maskTokens(tf.sigmoid(q), queryMask),
      sources: maskTokens(tf.sigmoid(k), mask),
      values: v,
      sinkMask: queryMask,
      sourceMask: mask,
      clamp,
      epsilon,
    };
    return causal ? causalFlow(flow) : fullFlow(flow);
  });
}
