import { jit, randomKey, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { layerWeights } from '../../layer.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { SoftmaxAttention } from '../softmax/layer.js';
import { FusedSoftmaxAttention } from './layer.js';

const x = randomTensor([2, 9, 4], 1);
const mask = tf.tensor2d([Array.from({ length: 9 }, (_, i) => Number(i < 6)), new Array(9).fill(1)]);

test('the same weights give what SoftmaxAttention gives', () => {
  const fused = new FusedSoftmaxAttention({ name: 'a', heads: 2, blockLength: 4 });
  const plain = new SoftmaxAttention({ name: 'a', heads: 2 });
  const [output, expected] = [fused, plain].map((layer) => layer.apply([x, mask]) as tf.Tensor);
  expect([...layerWeights(fused).keys()]).toEqual([...layerWeights(plain).keys()]);
  const [a, b] = [output.dataSync(), expected.dataSync()];
  for (const [i, value] of b.entries()) expect(a[i]).toBeCloseTo(value, 5);
});

test('dropout acts in training alone, follows its key, and is the same inside jit', () => {
  const layer = new FusedSoftmaxAttention({ heads: 2, blockLength: 4, dropout: 0.5 });
  const call = (seed: number, training: boolean): tf.Tensor =>
    withRandomKey(randomKey(seed), () => layer.apply(x, { training }) as tf.Tensor);
  const [first, again, other] = [1, 1, 2].map((seed) => [...call(seed, true).dataSync()]);
  expect(first).toEqual(again);
  expect(first).not.toEqual(other);
  expect([...call(1, false).dataSync()]).toEqual([...call(2, false).dataSync()]);
  const compiled = jit((x: tf.Tensor) =>
    withRandomKey(randomKey(1), () => layer.apply(x, { training: true }) as tf.Tensor),
  );
  for (const [i, value] of compiled(x).dataSync().entries()) expect(first[i]).toBeCloseTo(value, 5);
});

test('nothing is left behind but the result', () => {
  const layer = new FusedSoftmaxAttention({ heads: 2, blockLength: 4, dropout: 0.5 });
  layer.apply(x);
  const weights = [...layerWeights(layer).values()];
  const before = tf.memory().numTensors;
  const { value, grads } = tf.variableGrads(
    () => tf.sum(tf.square(layer.apply([x, mask], { training: true }) as tf.Tensor)),
    weights,
  );
  tf.dispose([value, grads]);
  expect(tf.memory().numTensors).toBe(before);
});
