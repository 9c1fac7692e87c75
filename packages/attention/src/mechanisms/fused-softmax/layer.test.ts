import { hasFusedAttention, jit, randomKey, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { layerWeights } from '../../layer.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { SoftmaxAttention } from '../softmax/layer.js';
import { softmaxAttention } from '../softmax/softmax.js';
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

test("kernel 'cudnn' is the library's where there is one, with the layer's own weights", () => {
  const wide = randomTensor([2, 5, 16], 2);
  const layer = new FusedSoftmaxAttention({ name: 'a', heads: 2, kernel: 'cudnn' });
  const expected = (new SoftmaxAttention({ name: 'a', heads: 2 }).apply(wide) as tf.Tensor).dataSync();
  const expectClose = (): void => {
    const output = (layer.apply(wide) as tf.Tensor).dataSync();
    // bf16 on a device that has the kernel.
    for (const [i, value] of expected.entries())
      expect(Math.abs(output[i] - value)).toBeLessThan(hasFusedAttention() ? 0.02 : 1e-5);
  };
  expectClose();
  if (hasFusedAttention()) return;
  const shapes: number[][] = [];
  tf.registerKernel({
    kernelName: 'FusedAttention',
    backendName: tf.getBackend(),
    kernelFunc: ({ inputs }) => {
      const given = inputs as unknown as Record<'q' | 'k' | 'v', tf.Tensor4D>;
      shapes.push(given.q.shape);
      // [B, N, H, p] to [H, B, N, p] and back.
      const [q, k, v] = [given.q, given.k, given.v].map((x) => tf.transpose(x, [2, 0, 1, 3]));
      const output = tf.transpose(softmaxAttention(q, k, v).output, [1, 2, 0, 3]);
      return [output, tf.zeros([2, 2, 5], 'int32')];
    },
  });
  expectClose();
  tf.unregisterKernel('FusedAttention', tf.getBackend());
  expect(shapes).toEqual([[2, 5, 2, 8]]);
});

test("what kernel 'cudnn' lacks is refused, on every device", () => {
  const layer = new FusedSoftmaxAttention({ heads: 2, kernel: 'cudnn' });
  expect(() => layer.apply(x)).toThrow(/8, 16, .. 128 features, got 2/);
  const masked = new FusedSoftmaxAttention({ heads: 1, kernel: 'cudnn' });
  expect(() => masked.apply([randomTensor([2, 9, 8], 3), mask])).toThrow(/takes no mask/);
  expect(() => new FusedSoftmaxAttention({ heads: 2, kernel: 'cudnn', dropout: 0.1 })).toThrow(/neither/);
});
