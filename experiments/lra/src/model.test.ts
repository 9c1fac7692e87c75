import { ksvdLoss, withLosses } from '@primal-attention/attention';
import { namedWeights } from '@primal-attention/models';
import { randomKey, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { parseConfig, type RunConfig } from './config.js';
import { buildModel, evaluationMetrics, type LraBatch, trainingLoss } from './model.js';
import { tableModels } from './tasks.js';
import { smallConfig } from './testing/small.js';

function batchOf(config: RunConfig, length: number): LraBatch {
  const ids = (shift: number): tf.Tensor =>
    tf.tensor(
      Int32Array.from({ length: 4 * length }, (_, i) =>
        i % length > length - 4 ? 0 : 1 + ((i * 7 + shift) % 15),
      ),
      [4, length],
      'int32',
    );
  const labels = tf.tensor1d([0, 1, 1, 0], 'int32');
  return config.task === 'Retrieval' ? { ids0: ids(0), ids1: ids(3), labels } : { ids: ids(0), labels };
}

/** The parts of a batch, each as a batch of its own. */
function parts(batch: LraBatch, count: number): LraBatch[] {
  const pieces = Object.entries(batch).map(([name, tensor]) => [name, tf.split(tensor, count)] as const);
  return Array.from({ length: count }, (_, i) =>
    Object.fromEntries(pieces.map(([name, of]) => [name, of[i]])),
  );
}

describe('the training loss', () => {
  it.each(['ListOps', 'Retrieval'] as const)('of %s is the mean over the parts of a batch', (task) => {
    const config = smallConfig(task, { dropout: 0 });
    const model = buildModel(config);
    const batch = batchOf(config, task === 'ListOps' ? 32 : 16);
    const { loss, metrics } = trainingLoss(model, config, batch);
    const whole = { ...config, microBatches: 1 };
    const apart = parts(batch, 2).map((part) => trainingLoss(model, whole, part));
    const mean = (values: tf.Tensor[]): number => values.reduce((sum, v) => sum + v.dataSync()[0], 0) / 2;
    expect(loss.dataSync()[0]).toBeCloseTo(mean(apart.map((part) => part.loss)), 5);
    expect(metrics.ksvd.dataSync()[0]).toBeCloseTo(mean(apart.map((part) => part.metrics.ksvd)), 6);
    // And not that of the batch as one, whose J has another mean.
    const together = trainingLoss(model, whole, batch).metrics.ksvd.dataSync()[0];
    expect(Math.abs(together - metrics.ksvd.dataSync()[0])).toBeGreaterThan(1e-7);
  });

  it('adds eta times the objective to the cross entropy', () => {
    const config = smallConfig('ListOps', { dropout: 0, microBatches: 1, eta: 0.25 });
    const model = buildModel(config);
    const batch = batchOf(config, 32);
    const { loss, metrics } = trainingLoss(model, config, batch);
    const { losses } = withLosses(() => model.apply(batch.ids, { training: true }));
    const ksvd = ksvdLoss(losses, { reduction: 'batch' }).dataSync()[0];
    expect(metrics.ksvd.dataSync()[0]).toBeCloseTo(ksvd, 6);
    expect(loss.dataSync()[0]).toBeCloseTo(metrics.crossEntropy.dataSync()[0] + 0.25 * ksvd, 5);
    const evaluated = evaluationMetrics(model, config, batch, randomKey(1));
    expect(evaluated.crossEntropy.dataSync()[0]).toBeCloseTo(metrics.crossEntropy.dataSync()[0], 5);
  });
});

it('in bf16 is that of float32 within its accuracy', () => {
  const config = smallConfig('ListOps', { dropout: 0 });
  const model = buildModel(config);
  const batch = batchOf(config, 32);
  const [exact, rounded] = (['float32', 'bf16'] as const).map((precision) => {
    const { loss } = trainingLoss(model, { ...config, precision }, batch);
    const evaluated = evaluationMetrics(model, { ...config, precision }, batch, randomKey(1));
    return [loss.dataSync()[0], evaluated.crossEntropy.dataSync()[0]];
  });
  // bf16 has 8 significant bits: 2^-9 is half a unit, and a dozen roundings follow one another.
  for (const i of [0, 1]) expect(Math.abs(rounded[i] / exact[i] - 1)).toBeLessThan(12 * 2 ** -9);
  // Backends without bf16 compute in float32.
  if (tf.getBackend() === 'xla') expect(rounded[0]).not.toBe(exact[0]);
});

/** Settings of the baselines for 32 tokens. */
const settings: Record<string, object> = {
  'Per.': { performer: { randomFeatures: 16 } },
  'Lin.': { linformer: { maxLength: 32, rank: 4 } },
  Nystrom: { nystromformer: { landmarks: 8, convolution: 3 } },
  'Long.': { longformer: { window: 8 } },
  'Re.': { reformer: { hashes: 2, chunkLength: 8 } },
  'YOSO-E': { yoso: { codeLength: 4 } },
  'Primal.': { primal: { rank: 2, rankMultiplier: 4 } },
  'Primal.+Trans.': { primal: { rank: 2, rankMultiplier: 4 } },
};

it.each(Object.entries(tableModels))('%s trains and is evaluated', (name, layers) => {
  const config = parseConfig(
    smallConfig('ListOps', {
      ...{ model: name, layers, mechanisms: settings[name] ?? {} },
      eta: name.startsWith('Primal') ? 0.1 : undefined,
    }),
    name,
  );
  const model = buildModel(config);
  const batch = batchOf(config, 32);
  const trainable = Object.values(namedWeights(model)).filter((variable) => variable.trainable);
  const { value, grads } = withRandomKey(randomKey(2), () =>
    tf.variableGrads(() => trainingLoss(model, config, batch).loss as tf.Scalar, trainable),
  );
  // Ten classes, and a new model knows nothing.
  expect(value.dataSync()[0]).toBeGreaterThan(1);
  expect(value.dataSync()[0]).toBeLessThan(5);
  for (const [weight, gradient] of Object.entries(grads)) {
    expect(gradient.dataSync().every(Number.isFinite), weight).toBe(true);
  }
  const { accuracy, crossEntropy } = evaluationMetrics(model, config, batch, randomKey(3));
  expect(4 * accuracy.dataSync()[0]).toBeCloseTo(Math.round(4 * accuracy.dataSync()[0]), 5);
  expect(crossEntropy.dataSync()[0]).toBeLessThan(5);
});
