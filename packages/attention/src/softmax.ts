import * as tf from '@tensorflow/tfjs';
import { checkOneOf, checkShapes } from './check.js';

/**
 * What a mask does to the score of a padded key.
 *
 * - `exact`: the key has no weight. A sample whose keys are all padded gets zeros, with zero gradients.
 * - `additive`: 1e6 is taken from the score, as in the official LRA code. The same numbers, exactly, as long as one key is
 *   real; a sample whose keys are all padded gets about the plain mean of its values (finite, but no mask at all).
 */
export type MaskMode = 'exact' | 'additive';
export const maskModes: readonly MaskMode[] = ['exact', 'additive'];

export interface SoftmaxAttentionOptions {
  /** [B, N], 1 for a real key and 0 for a padded one. */
  mask?: tf.Tensor2D;
  /** Default `exact`. */
  maskMode?: MaskMode;
  /** Applied to the weights before they meet the values: dropout. */
  transformWeights?: (weights: tf.Tensor4D) => tf.Tensor4D;
}

/** Far below every score, and finite: minus infinity minus minus infinity would be NaN. */
const excluded = 1e30;
const additivePenalty = 1e6;

/**
 * o_i = sum_j softmax_j(q_i . k_j / sqrt(p)) v_j.
 *
 * Shapes: q, k, v [H, B, N, p] to output [H, B, N, p] and weights [H, B, N, N] (before `transformWeights`). Padded queries
 * are computed like any other.
 *
 * How ours differs from the official code: see {@link MaskMode}; its LRA code is `additive`, its UEA code has no mask.
 */
export function softmaxAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  options: SoftmaxAttentionOptions = {},
): { output: tf.Tensor4D; weights: tf.Tensor4D } {
  const { mask, maskMode = 'exact', transformWeights } = options;
  checkOneOf('softmaxAttention', 'maskMode', maskMode, maskModes);
  checkShapes('softmaxAttention', {
    q: [q, 'H B M p'],
    k: [k, 'H B N p'],
    v: [v, 'H B N v'],
    ...(mask && { mask: [mask, 'B N'] }),
  });
  const size = q.shape[3];
  // Scaling the queries instead of the scores is one pass over N p numbers instead of N^2.
  let scores = tf.matMul(tf.mul(q, 1 / Math.sqrt(size)), k, false, true) as tf.Tensor4D; // [H, B, N, N]
  if (mask === undefined) return attend(scores);

  const real = tf.expandDims(mask, 1); // [B, 1, N]
  const padded = tf.sub(1, real);
  if (maskMode === 'additive') {
    scores = tf.sub(scores, tf.mul(padded, additivePenalty));
    return attend(scores);
  }
  scores = tf.sub(tf.mul(scores, real), tf.mul(padded, excluded));
  // With no real key the softmax is uniform over padding: the values of that sample are taken away.
  const anyKey = tf.reshape(tf.max(mask, 1), [mask.shape[0], 1, 1]); // [B, 1, 1]
  const { output, weights } = attend(scores);
  return { output: tf.mul(output, anyKey), weights: tf.mul(weights, anyKey) };

  function attend(from: tf.Tensor4D): { output: tf.Tensor4D; weights: tf.Tensor4D } {
    const weights = tf.softmax(from);
    const used = transformWeights === undefined ? weights : transformWeights(weights);
    return { output: tf.matMul(used, v) as tf.Tensor4D, weights };
  }
}
