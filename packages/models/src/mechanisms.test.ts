import { layerWeights, type MechanismName, mechanisms } from '@primal-attention/attention';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import type { MechanismSettings } from './config.js';
import { lraClassifier } from './lra.js';

/** Every mechanism as the attention of a whole model, with a padded text beside a full one. */
test.each(Object.keys(mechanisms) as MechanismName[])('a classifier of texts with %s', async (name) => {
  const maxLength = 16;
  const [{ config }] = mechanisms[name].examples({ heads: 2, maxLength });
  const model = lraClassifier({
    attention: [name, 'softmax'],
    mechanismOptions: { [name]: config } as MechanismSettings,
    vocabulary: 8,
    maxLength,
    classes: 3,
    modelSize: 8,
    feedForward: 8,
    dropout: 0,
    // What an example does not set, the model does.
    ...(name === 'primal' && { rank: 3 }),
  });
  const ids = tf.tensor2d(
    Array.from({ length: 2 * maxLength }, (_, i) => (i < 9 || i >= maxLength ? 1 + (i % 7) : 0)),
    [2, maxLength],
    'int32',
  );
  const weights = model.layers.flatMap((layer) => [...layerWeights(layer).values()]);
  const { value, grads } = tf.variableGrads(
    () => tf.sum(tf.square(model.apply(ids) as tf.Tensor)),
    weights.filter(({ trainable }) => trainable),
  );
  for (const tensor of [value, ...Object.values(grads)]) {
    if (tensor) expect([...(await tensor.data())].every(Number.isFinite)).toBe(true);
  }
  expect((await value.data())[0]).toBeGreaterThan(0);
  model.dispose();
});
