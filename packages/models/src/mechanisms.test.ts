import {
  type AttentionConfig,
  layerWeights,
  type MechanismName,
  mechanisms,
  QkvAttentionLayer,
} from '@primal-attention/attention';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import type { MechanismSettings } from './config.js';
import { lraClassifier } from './lra.js';
import { attentionLayers } from './named-weights.js';
import { ueaClassifier } from './uea.js';

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

/** Every token takes the mean of all values. */
class MeanAttention extends QkvAttentionLayer {
  static readonly className = 'MeanAttention';
  constructor(config: AttentionConfig) {
    super(config, [], 'MeanAttention');
  }
  protected override attend(_q: tf.Tensor4D, _k: tf.Tensor4D, v: tf.Tensor4D): tf.Tensor4D {
    return tf.add(tf.zerosLike(v), tf.mean(v, 2, true));
  }
}
tf.serialization.registerClass(MeanAttention);

test('a mechanism of one’s own takes its place among the layers of a model', async () => {
  const own = { name: 'mean', layer: MeanAttention };
  const model = lraClassifier({
    attention: [own, 'linear'],
    mechanismOptions: { linear: {} },
    vocabulary: 8,
    maxLength: 4,
    classes: 2,
    modelSize: 8,
    seed: 3,
  });
  const [first, second] = attentionLayers(model);
  expect([first, second].map((layer) => layer.getClassName())).toEqual(['MeanAttention', 'LinearAttention']);
  expect([first.name, first.heads, first.seed]).toEqual(['layer0/attention', 2, 3]);
  const logits = model.apply(tf.tensor2d([1, 2, 3, 0], [1, 4], 'int32')) as tf.Tensor;
  expect([...(await logits.data())].every(Number.isFinite)).toBe(true);
  model.dispose();

  const series = ueaClassifier({ attention: [own], features: 2, maxLength: 4, classes: 2, modelSize: 8 });
  expect(attentionLayers(series)[0]).toBeInstanceOf(MeanAttention);
  series.dispose();

  const task = { vocabulary: 8, maxLength: 4, classes: 2 };
  expect(() => lraClassifier({ ...task, attention: [{ name: 'mean' } as never] })).toThrow(
    /must list a mechanism for each layer, got \[{"name":"mean"}\]; choose among .*, or give a Mechanism of your own/,
  );
  expect(() => lraClassifier({ ...task, attention: [own], mechanismOptions: { linear: {} } })).toThrow(
    "mechanismOptions has 'linear', which no layer of mean is",
  );
});
