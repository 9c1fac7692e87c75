import { ksvdLoss, withLosses } from '@primal-attention/attention';
import type { PreparedSet } from '@primal-attention/datasets';
import { type AttentionKind, ueaClassifier } from '@primal-attention/models';
import * as tf from '@tensorflow/tfjs';
import type { RunConfig } from './config.js';

const attentionOf: Record<RunConfig['model'], readonly AttentionKind[]> = {
  'Trans.': ['softmax', 'softmax'],
  'Primal.': ['primal', 'primal'],
  'Primal.+Trans.': ['softmax', 'primal'],
};

/** The classifier of a run, with the initial weights that its seed gives. */
export function buildModel(
  config: RunConfig,
  data: Pick<PreparedSet, 'dimensions' | 'length' | 'classes'>,
): tf.LayersModel {
  return ueaClassifier({
    features: data.dimensions,
    maxLength: data.length,
    classes: data.classes.length,
    attention: attentionOf[config.model],
    dropout: config.dropout,
    seed: config.seed,
    ...(config.primal && { rank: config.primal.rank, rankMultiplier: config.primal.rankMultiplier }),
  });
}

/** One batch of the data: x [B, N, features], mask [B, N], y [B] int32. */
export type UeaBatch = {
  readonly x: tf.Tensor;
  readonly mask: tf.Tensor;
  readonly y: tf.Tensor;
};

/** Cross entropy, mean over the batch, and the share of right answers. */
function classify(logits: tf.Tensor, y: tf.Tensor): { crossEntropy: tf.Tensor; accuracy: tf.Tensor } {
  // Cast afterwards: wasm's own one-hot of type float32 holds the bits of integers.
  const labels = tf.cast(tf.oneHot(tf.cast(y, 'int32') as tf.Tensor1D, logits.shape[1]!), 'float32');
  const crossEntropy = tf.mean(tf.neg(tf.sum(tf.mul(labels, tf.logSoftmax(logits)), -1)));
  const accuracy = tf.mean(tf.cast(tf.equal(tf.argMax(logits, -1), y), 'float32'));
  return { crossEntropy, accuracy };
}

/** mean_b (CE_b + eta J_b^2): what training minimises (J per sample, mean over Primal layers). */
export function trainingLoss(
  model: tf.LayersModel,
  eta: number,
  { x, mask, y }: UeaBatch,
): { loss: tf.Tensor; metrics: { accuracy: tf.Tensor; crossEntropy: tf.Tensor; ksvd: tf.Tensor } } {
  const { output, losses } = withLosses(() => model.apply([x, mask], { training: true }) as tf.Tensor);
  const { crossEntropy, accuracy } = classify(output, y);
  const ksvd = ksvdLoss(losses, { reduction: 'sample' });
  return { loss: tf.add(crossEntropy, tf.mul(ksvd, eta)), metrics: { accuracy, crossEntropy, ksvd } };
}

/** Accuracy and cross entropy without dropout. The official code's reported loss also has the KSVD term; ours has not. */
export function evaluationMetrics(
  model: tf.LayersModel,
  { x, mask, y }: UeaBatch,
): { accuracy: tf.Tensor; crossEntropy: tf.Tensor } {
  return classify(model.apply([x, mask], { training: false }) as tf.Tensor, y);
}
