import { stopGradient } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { checkOneOf, checkPositive, checkShapes } from '../../check.js';
import { fullProduct, fullWeights, maskTokens } from '../../kernel-product.js';
import { causalProduct, checkCausalLengths } from '../../prefix-sums.js';
import { causalSoftmaxFeatures } from './causal.js';
import {
  defaultEpsilon,
  type PerformerKernel,
  performerKernels,
  reluFeatures,
  softmaxKeyFeatures,
  softmaxQueryFeatures,
} from './features.js';

/**
 * How queries and keys are scaled.
 *
 * - `twice`: by p^(-1/2), so that the kernel is that of exp(q . k / p): the LRA code divides by p^(1/4), and the library that
 *   it calls does so again.
 * - `once`: by p^(-1/4), for exp(q . k / sqrt(p)), the kernel of softmax attention.
 */
export type PerformerScaling = 'twice' | 'once';
export const performerScalings: readonly PerformerScaling[] = ['twice', 'once'];

/**
 * What a mask does.
 *
 * - `zeroed`: padded keys and values become zeros before the feature map, as in the LRA code. The features of zero are not
 *   zero, so each padded key still takes a share of the denominator.
 * - `exact`: padded keys have no weight.
 */
export type PerformerMaskMode = 'zeroed' | 'exact';
export const performerMaskModes: readonly PerformerMaskMode[] = ['zeroed', 'exact'];

/** Options of {@link performerAttention}. */
export interface PerformerAttentionOptions {
  /** [B, N], 1 for a real key and 0 for a padded one. */
  mask?: tf.Tensor2D;
  /** Default `zeroed`. */
  maskMode?: PerformerMaskMode;
  /** Default `softmax`. */
  kernel?: PerformerKernel;
  /** Default `twice`. */
  scaling?: PerformerScaling;
  /** Each token attends to those up to itself. Default false. */
  causal?: boolean;
  /** Added to each feature. Default 1e-4 for `softmax`, 1e-3 for `relu`. */
  epsilon?: number;
}

/**
 * o_i = sum_j phi(q_i) . phi(k_j) v_j / sum_j phi(q_i) . phi(k_j), with m random features (FAVOR+); over j <= i when causal.
 *
 * Softmax features, of z = q or k scaled: phi(z)_r = exp(w_r . z - |z|^2 / 2 - stabiliser) + eps, whose product is
 * exp(q . k) in expectation. The stabiliser of a query is the largest w_r . q of its own; that of the keys is the largest
 * w_r . k_j over r and the keys of the same head and sample; causal, over the keys up to each query. No gradient goes through
 * it. ReLU features: phi(z)_r = max(w_r . z, 0) + eps.
 *
 * Shapes: q [H, B, M, p], k, v [H, B, N, p] and projection R [m, p], whose rows w_r all heads share, to [H, B, M, p]; M = N
 * when causal. Time O((M + N) m p), memory O((M + N) m).
 *
 * For the mask see {@link PerformerMaskMode}. Padded queries are computed like any other. Without a real key the result is
 * zero.
 *
 * How ours differs from the official code: with `scaling: 'once'` and `maskMode: 'exact'` it is FAVOR+ as the paper has it. The
 * causal form never looks ahead: a maximum over all keys would let a later one scale the eps of earlier ones.
 *
 * Source: Choromanski et al. 2021; yingyichen-cyy/PrimalAttention,
 * PrimalAttention_LRA/PrimalFormer/attentions/attention_performer.py (which asks for the ReLU kernel, in vain);
 * lucidrains/performer-pytorch, performer_pytorch/performer_pytorch.py.
 *
 * @throws Error if shapes do not fit; for causal attention with M != N
 */
export function performerAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  projection: tf.Tensor2D,
  options: PerformerAttentionOptions = {},
): tf.Tensor4D {
  const { mask, maskMode = 'zeroed', kernel = 'softmax', scaling = 'twice', causal = false } = options;
  checkOneOf('performerAttention', 'maskMode', maskMode, performerMaskModes);
  checkOneOf('performerAttention', 'kernel', kernel, performerKernels);
  checkOneOf('performerAttention', 'scaling', scaling, performerScalings);
  const epsilon = options.epsilon ?? defaultEpsilon[kernel];
  checkPositive('performerAttention', 'epsilon', epsilon);
  checkShapes('performerAttention', {
    q: [q, 'H B M p'],
    k: [k, 'H B N p'],
    v: [v, 'H B N c'],
    projection: [projection, 'm p'],
    ...(mask && { mask: [mask, 'B N'] }),
  });
  if (causal) checkCausalLengths('performerAttention', q, k);
  const scale = q.shape[3] ** (scaling === 'twice' ? -1 / 2 : -1 / 4);
  return tf.tidy(() => {
    const values = maskTokens(v, mask);
    const given = maskMode === 'zeroed' ? maskTokens(k, mask) : k;
    const exact = maskMode === 'exact' ? mask : undefined;
    if (kernel === 'relu') {
      const queries = reluFeatures(q, projection, scale, epsilon); // [H, B, M, m]
      const keys = maskTokens(reluFeatures(given, projection, scale, epsilon), exact); // [H, B, N, m]
      if (!causal) return divide(fullProduct(queries, keys, values), fullWeights(queries, keys));
      const { sums, weights } = causalProduct(queries, keys, values);
      return divide(sums, weights);
    }
    const queries = softmaxQueryFeatures(q, projection, scale, epsilon); // [H, B, M, m]
    if (causal) {
      const { sums, weights } = causalSoftmaxFeatures(
        queries,
        given,
        values,
        projection,
        scale,
        epsilon,
        exact,
      );
      return divide(sums, weights);
    }
    const keys = softmaxKeyFeatures(given, projection, scale, epsilon, exact);
    const counted = maskTokens(keys, exact); // [H, B, N, m]
    return divide(fullProduct(queries, counted, values), fullWeights(queries, counted));
  });
}

/** sums / weights; 0 where there is no real key, and so neither. */
function divide(sums: tf.Tensor4D, weights: tf.Tensor4D): tf.Tensor4D {
  const none = tf.cast(tf.equal(stopGradient(weights), 0), 'float32');
  return tf.div(sums, tf.add(weights, none));
}
