import { dropout, nextRandomKey, RandomStream } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import type { ColumnBatch, Columns } from '../batches.js';
import type { NamedVariables } from '../optimizers/moment-optimizer.js';
import type { LossAndMetrics } from '../train-step.js';

/** A network of 3 inputs, 8 hidden units with dropout and 2 classes, from its own seed. */
export interface TinyModel {
  readonly variables: NamedVariables;
  readonly loss: (batch: ColumnBatch<'x' | 'label'>) => LossAndMetrics<'accuracy'>;
  /** Without dropout. */
  readonly metrics: (batch: ColumnBatch<'x' | 'label'>) => { loss: tf.Tensor; accuracy: tf.Tensor };
  dispose(): void;
}

export function tinyModel(seed = 1): TinyModel {
  const stream = new RandomStream(seed, 'weights');
  const variable = (shape: number[]): tf.Variable => {
    const values = Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => 0.5 * stream.normal());
    return tf.tidy(() => tf.variable(tf.tensor(values, shape)));
  };
  const variables = { w1: variable([3, 8]), b1: variable([8]), w2: variable([8, 2]), b2: variable([2]) };
  const logits = (x: tf.Tensor, rate: number): tf.Tensor => {
    const hidden = tf.tanh(
      tf.add(tf.matMul(x as tf.Tensor2D, variables.w1 as tf.Tensor as tf.Tensor2D), variables.b1),
    );
    const kept = rate === 0 ? hidden : dropout(hidden, rate, nextRandomKey());
    return tf.add(tf.matMul(kept as tf.Tensor2D, variables.w2 as tf.Tensor as tf.Tensor2D), variables.b2);
  };
  const measure = (
    { x, label }: ColumnBatch<'x' | 'label'>,
    rate: number,
  ): { loss: tf.Tensor; accuracy: tf.Tensor } => {
    const scores = logits(x, rate);
    const target = tf.oneHot(label as tf.Tensor1D, 2);
    return {
      loss: tf.neg(tf.mean(tf.sum(tf.mul(target, tf.logSoftmax(scores)), 1))),
      accuracy: tf.mean(tf.cast(tf.equal(tf.argMax(scores, 1), label), 'float32')),
    };
  };
  return {
    variables,
    loss: (batch) => {
      const { loss, accuracy } = measure(batch, 0.25);
      return { loss, metrics: { accuracy } };
    },
    metrics: (batch) => measure(batch, 0),
    dispose: () => tf.dispose(Object.values(variables)),
  };
}

/** 11 samples: not a multiple of any batch size but 11. */
export function tinyData(samples = 11): Columns<'x' | 'label'> {
  const stream = new RandomStream(2, 'data');
  const x = Float32Array.from({ length: samples * 3 }, () => stream.normal());
  const label = Int32Array.from({ length: samples }, (_, i) => (x[3 * i] + x[3 * i + 1] > 0 ? 1 : 0));
  return { x: { data: x, shape: [samples, 3] }, label: { data: label, shape: [samples] } };
}

/** All weights, one after the other. */
export function weightsOf(variables: NamedVariables): number[] {
  return Object.values(variables).flatMap((variable) => [...variable.dataSync()]);
}
