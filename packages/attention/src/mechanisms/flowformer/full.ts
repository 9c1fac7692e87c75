import * as tf from '@tensorflow/tfjs';
import { excluded } from '../../excluded.js';
import { fullProduct } from '../../kernel-product.js';
import { clampFlow, type Flow } from './flow.js';

/** The flow between all sinks and all sources: the formula of `flowformerAttention`. */
export function fullFlow({
  sinks,
  sources,
  values,
  sinkMask,
  sourceMask,
  clamp,
  epsilon,
}: Flow): tf.Tensor4D {
  // (a_i + eps) . (total + eps): a [H, B, N, p], total [H, B, 1, p] to [H, B, N, 1].
  const flow = (a: tf.Tensor, total: tf.Tensor): tf.Tensor =>
    tf.matMul(a, tf.add(total, epsilon), false, true);
  // sum_i a_i / b_i: a [H, B, N, p], b [H, B, N, 1] to [H, B, 1, p].
  const sumOfShares = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.matMul(tf.reciprocal(b), a, true, false);
  const raisedSinks = tf.add(sinks, epsilon);
  const raisedSources = tf.add(sources, epsilon);

  const incoming = flow(raisedSinks, tf.sum(sources, 2, true)); // [H, B, M, 1]
  const outgoing = flow(raisedSources, tf.sum(sinks, 2, true)); // [H, B, N, 1]
  const conservedSinks = flow(raisedSinks, sumOfShares(sources, outgoing)); // [H, B, M, 1]
  const conservedSources = clampFlow(flow(raisedSources, sumOfShares(sinks, incoming)), clamp); // [H, B, N, 1]

  const sinkCount = countTokens(sinks, sinkMask);
  const sourceCount = countTokens(sources, sourceMask);
  const allocation = tf.sigmoid(tf.mul(conservedSinks, tf.div(sinkCount, sourceCount))); // [H, B, M, 1]
  const competition = tf.mul(softmaxOverTokens(conservedSources, sourceMask), sourceCount); // [H, B, N, 1]
  const drawn = fullProduct(sinks, sources, tf.mul(values, competition)); // [H, B, M, c]
  return tf.mul(drawn, tf.div(allocation, incoming));
}

/** How many tokens are real, at least 1: [1, B, 1, 1]; a scalar without a mask. */
function countTokens(x: tf.Tensor4D, mask?: tf.Tensor2D): tf.Tensor {
  if (mask === undefined) return tf.scalar(x.shape[2]);
  return tf.reshape(tf.maximum(tf.sum(mask, 1), 1), [1, mask.shape[0], 1, 1]);
}

/** Softmax over the tokens, of which padded ones get 0 as long as one is real: [H, B, N, 1] to [H, B, N, 1]. */
function softmaxOverTokens(scores: tf.Tensor, mask?: tf.Tensor2D): tf.Tensor {
  const [heads, batch, length] = scores.shape;
  const rows = tf.reshape(scores, [heads, batch, length]); // [H, B, N]
  if (mask === undefined) return tf.reshape(tf.softmax(rows), scores.shape);
  const real = tf.expandDims(mask, 0); // [1, B, N]
  const masked = tf.sub(tf.mul(rows, real), tf.mul(tf.sub(1, real), excluded));
  return tf.reshape(tf.softmax(masked), scores.shape); // [H, B, N, 1]
}
