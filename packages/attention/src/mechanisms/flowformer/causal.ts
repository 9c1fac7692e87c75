import * as tf from '@tensorflow/tfjs';
import { maskTokens } from '../../kernel-product.js';
import { causalProduct, prefixSums } from '../../prefix-sums.js';
import { clampFlow, type Flow } from './flow.js';

/** exp(40) = 2e17: sums, quotients and, in gradients, squares of such numbers and their inverses are far from the limits of float32. */
const largestExponent = 40;

/**
 * Flow-Attention up to each token t, with n_t the number of real tokens up to it (the position, without a mask):
 *
 * | | |
 * |---|---|
 * | incoming flow | I_t = phi(q_t) . sum_{u <= t} phi(k_u) / n_t |
 * | outgoing flow | O_t = phi(k_t) . sum_{u <= t} phi(q_u) / n_t |
 * | conserved sink | I'_t = phi(q_t) . sum_{u <= t} phi(k_u) / O_u / n_t |
 * | conserved source | O'_t = phi(k_t) . sum_{u <= t} phi(q_u) / I_u / n_t, kept within -c .. c |
 * | competition | C_t = n_t exp(O'_t) / sum_{u <= t} exp(O'_u) |
 * | output | o_t = sigmoid(I'_t) phi(q_t) / (n_t I_t) . sum_{u <= t} phi(k_u) C_u v_u |
 *
 * A source's competition ends at the source itself, so later tokens do not change it. Shapes and epsilon: see
 * `flowformerAttention`.
 */
export function causalFlow({
  sinks,
  sources,
  values,
  sinkMask,
  sourceMask,
  clamp,
  epsilon,
}: Flow): tf.Tensor4D {
  // (a_t + eps) . (total_t + eps): both [H, B, N, p] to [H, B, N, 1].
  const flow = (a: tf.Tensor, total: tf.Tensor): tf.Tensor4D =>
    tf.sum(tf.mul(a, tf.add(total, epsilon)), 3, true) as tf.Tensor4D;
  const raisedSinks = tf.add(sinks, epsilon);
  const raisedSources = tf.add(sources, epsilon);
  // A sink counts sources and a source counts sinks: one count, unless the masks differ.
  const sourceCount = countsUpTo(sources, sourceMask);
  const sinkCount = countsUpTo(sinks, sinkMask);

  const incoming = flow(raisedSinks, prefixSums(sources)); // n_t I_t
  const outgoing = flow(raisedSources, prefixSums(sinks)); // n_t O_t
  const fromSources = prefixSums(tf.mul(sources, tf.div(sinkCount, outgoing))); // [H, B, N, p]
  const fromSinks = prefixSums(tf.mul(sinks, tf.div(sourceCount, incoming))); // [H, B, N, p]
  const conservedSinks = tf.div(flow(raisedSinks, fromSources), sourceCount); // [H, B, N, 1]
  const conservedSources = tf.div(flow(raisedSources, fromSinks), sinkCount); // [H, B, N, 1]

  const allocation = tf.sigmoid(conservedSinks);
  const bounded = clampFlow(conservedSources, Math.min(clamp, largestExponent));
  const competing = maskTokens(tf.exp(bounded) as tf.Tensor4D, sourceMask); // [H, B, N, 1]
  // Above 0 from the first real source on; before it nothing competes.
  const competitors = tf.maximum(prefixSums(competing), Math.exp(-largestExponent) / 2);
  const competition = tf.mul(tf.div(competing, competitors), sourceCount);
  const { sums } = causalProduct(sinks, sources, tf.mul(values, competition));
  return tf.mul(sums, tf.div(allocation, incoming));
}

/** n_t, at least 1: [1, 1, N, 1], or [1, B, N, 1] with a mask. */
function countsUpTo(x: tf.Tensor4D, mask?: tf.Tensor2D): tf.Tensor4D {
  const length = x.shape[2];
  if (mask === undefined) return tf.reshape(tf.range(1, length + 1), [1, 1, length, 1]);
  const [batch] = mask.shape;
  // No gradient goes through a count.
  return tf.reshape(tf.maximum(tf.cumsum(mask, 1), 1), [1, batch, length, 1]);
}
