import { type KsvdRecord, ksvdLoss, withLosses } from '@primal-attention/attention';
import { lraClassifier } from '@primal-attention/models';
import { autocast, type RandomKey, withMatmulPrecision, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { lengthOf, type RunConfig } from './config.js';
import { attentionOf, kernelsOf } from './kernel-settings.js';
import { tasks } from './tasks.js';

/** One batch: token ids [B, N] of one document or two, and labels [B]; all int32. */
export type LraBatch = Readonly<Record<string, tf.Tensor>>;

/** The classifier of a run, with the initial weights that its seed gives. */
export function buildModel(config: RunConfig): tf.LayersModel {
  const { mechanisms, modelSize, heads, feedForward, dropout, dropoutDraw, seed } = config;
  const { vocabulary, classes, dual } = tasks[config.task];
  const { rank } = (mechanisms.primal ?? {}) as { rank?: number };
  return lraClassifier({
    ...{ vocabulary, classes, dual, maxLength: lengthOf(config) },
    ...{ modelSize, heads, feedForward, dropout, dropoutDraw, seed, rank },
    ...attentionOf(config),
    kernels: kernelsOf(config),
  });
}

/** How the products of a run are computed: what an autocast leaves in float32 has the device's fast ones. */
export function productsOf({ precision }: RunConfig): 'float32' | 'tf32' {
  return precision === 'float32' ? 'float32' : 'tf32';
}

/**
 * What training minimises, for a batch in m parts:
 *
 *     1/B sum_b CE_b + eta 1/m sum_parts mean_layers (mean_{b in part} J_b)^2
 *
 * Source: yingyichen-cyy/PrimalAttention, PrimalAttention_LRA/PrimalFormer/{run_tasks,model_wrapper}.py, which runs the parts
 * one after the other.
 */
export function trainingLoss(
  model: tf.LayersModel,
  config: RunConfig,
  batch: LraBatch,
): { loss: tf.Tensor; metrics: Record<string, tf.Tensor> } {
  const forward = () => withLosses(() => apply(model, config, batch, true));
  const { output, losses } = config.precision === 'bf16' ? autocast('bf16', forward) : forward();
  const { accuracy, crossEntropy } = classify(output, batch.labels);
  if (losses.length === 0) return { loss: crossEntropy, metrics: { accuracy } };
  const ksvd = ksvdOfParts(losses, config.microBatches);
  return {
    loss: tf.add(crossEntropy, tf.mul(ksvd, config.eta!)),
    metrics: { accuracy, crossEntropy, ksvd },
  };
}

/**
 * Accuracy and cross entropy without dropout. The loss that the official code reports also has the KSVD term; ours has not.
 *
 * @param key for mechanisms that draw random numbers in evaluation, too (Reformer)
 */
export function evaluationMetrics(
  model: tf.LayersModel,
  config: RunConfig,
  batch: LraBatch,
  key: RandomKey,
): { accuracy: tf.Tensor; crossEntropy: tf.Tensor } {
  const forward = () => withRandomKey(key, () => apply(model, config, batch, false));
  const logits = withMatmulPrecision(productsOf(config), () =>
    config.precision === 'bf16' ? autocast('bf16', forward) : forward(),
  );
  return classify(logits, batch.labels);
}

function apply(model: tf.LayersModel, { task }: RunConfig, batch: LraBatch, training: boolean): tf.Tensor {
  const documents = tasks[task].dual ? [batch.ids0, batch.ids1] : batch.ids;
  return model.apply(documents, { training }) as tf.Tensor;
}

/** Cross entropy, mean over the batch, and the share of right answers. */
function classify(logits: tf.Tensor, labels: tf.Tensor): { accuracy: tf.Tensor; crossEntropy: tf.Tensor } {
  // Cast afterwards: wasm's own one-hot of type float32 holds the bits of integers.
  const chosen = tf.cast(tf.oneHot(labels as tf.Tensor1D, logits.shape[1]!), 'float32');
  const crossEntropy = tf.mean(tf.neg(tf.sum(tf.mul(chosen, tf.logSoftmax(logits)), -1)));
  const accuracy = tf.mean(tf.cast(tf.equal(tf.argMax(logits, -1), labels), 'float32'));
  return { accuracy, crossEntropy };
}

/** The mean over the parts of a batch of the KSVD loss of each. */
function ksvdOfParts(losses: readonly KsvdRecord[], parts: number): tf.Tensor {
  const terms = Array.from({ length: parts }, (_, part) => {
    const records = losses.map(({ layer, objective }) => {
      const size = objective.shape[0] / parts;
      return { layer, objective: tf.slice1d(objective, part * size, size) };
    });
    return ksvdLoss(records, { reduction: 'batch' });
  });
  return tf.div(tf.addN(terms), parts);
}
