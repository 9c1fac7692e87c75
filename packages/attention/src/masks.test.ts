import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import type { AttentionLayer } from './layer.js';
import { layerWeights as weightsOf } from './layer.js';
import { cosineFeatureMap } from './mechanisms/primal/feature-map.js';
import { PrimalAttention } from './mechanisms/primal/layer.js';
import { SoftmaxAttention } from './mechanisms/softmax/layer.js';
import { maskModes, softmaxAttention } from './mechanisms/softmax/softmax.js';
import { randomTensor } from './testing/random-tensor.js';

/** Two samples' results may differ by rounding alone: products of other shapes may sum in another order. */
const rounding = 1e-5;

async function expectClose(a: tf.Tensor, b: tf.Tensor, tolerance = rounding): Promise<void> {
  expect(a.shape).toEqual(b.shape);
  const [x, y] = await Promise.all([a.data(), b.data()]);
  let most = 0;
  for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(x[i] - y[i]));
  expect(most).toBeLessThanOrEqual(tolerance);
}

async function expectFinite(...tensors: tf.Tensor[]): Promise<void> {
  for (const tensor of tensors) {
    const values = await tensor.data();
    expect([...values].every(Number.isFinite)).toBe(true);
  }
}

describe('softmaxAttention with few real keys', () => {
  const q = tf.tensor4d([1, 0, 0, 1], [1, 1, 2, 2]);
  const v = tf.tensor4d([1, 2, 3, 4], [1, 1, 2, 2]);

  test.each(maskModes)('one real key gives its value exactly (%s)', async (maskMode) => {
    const { output } = softmaxAttention(q, q, v, { mask: tf.tensor2d([[1, 0]]), maskMode });
    expect([...(await output.data())]).toEqual([1, 2, 1, 2]);
  });

  test('no real key gives zeros, in exact mode', async () => {
    const { output, weights } = softmaxAttention(q, q, v, { mask: tf.tensor2d([[0, 0]]), maskMode: 'exact' });
    expect([...(await output.data())]).toEqual([0, 0, 0, 0]);
    expect([...(await weights.data())]).toEqual([0, 0, 0, 0]);
  });

  test('no real key gives about the mean of the values, in additive mode', async () => {
    const { output } = softmaxAttention(q, q, v, { mask: tf.tensor2d([[0, 0]]), maskMode: 'additive' });
    // 1e6 leaves scores of float32 a resolution of 1/16.
    await expectClose(output, tf.tensor4d([2, 3, 2, 3], [1, 1, 2, 2]), 0.4);
  });

  test('no real key gives zero gradients, in exact mode', async () => {
    const mask = tf.tensor2d([[0, 0]]);
    const [dq, dk, dv] = tf.grads((a, b, c) =>
      tf.sum(softmaxAttention(a as tf.Tensor4D, b as tf.Tensor4D, c as tf.Tensor4D, { mask }).output),
    )([q, q, v]);
    for (const gradient of [dq, dk, dv])
      expect([...(await gradient.data())].map(Math.abs)).toEqual([0, 0, 0, 0]);
  });
});

const [batch, length, size] = [2, 12, 8];
const layers: [string, () => AttentionLayer][] = [
  ['softmax exact', () => new SoftmaxAttention({ name: 'a', heads: 2 })],
  ['softmax additive', () => new SoftmaxAttention({ name: 'a', heads: 2, maskMode: 'additive' })],
  ['primal', () => new PrimalAttention({ name: 'a', heads: 2, rank: 3, landmarks: 7 })],
  [
    'primal, f(X) masked',
    () => new PrimalAttention({ name: 'a', heads: 2, rank: 3, landmarks: 7, maskLandmarks: true }),
  ],
  [
    'primal, output not masked',
    () => new PrimalAttention({ name: 'a', heads: 2, rank: 3, landmarks: 7, maskOutput: false }),
  ],
];

describe.each(layers)('%s', (_name, create) => {
  const layer = create();
  const call = (x: tf.Tensor, mask: tf.Tensor): tf.Tensor => layer.apply([x, mask]) as tf.Tensor;
  const sample = randomTensor([1, length, size], 1);
  const sampleMask = tf.tensor2d([Array.from({ length }, (_, i) => (i < 9 ? 1 : 0))]);

  test('a sample does not depend on a fully padded one beside it: output and gradients', async () => {
    const x = tf.concat([sample, randomTensor([1, length, size], 2)]);
    const mask = tf.concat([sampleMask, tf.zeros([1, length])]);
    await expectClose(tf.slice(call(x, mask), 0, 1), call(sample, sampleMask));
    const weights = [...weightsOf(layer).values()];
    // Only the good sample enters the loss, so the weights' gradients must be those without its neighbour.
    const together = tf.variableGrads(() => tf.sum(tf.square(tf.slice(call(x, mask), 0, 1))), weights);
    const alone = tf.variableGrads(() => tf.sum(tf.square(call(sample, sampleMask))), weights);
    for (const [name, gradient] of Object.entries(alone.grads))
      await expectClose(together.grads[name], gradient, 1e-4);
  });

  test('a fully padded sample gives finite outputs and gradients', async () => {
    const x = tf.variable(randomTensor([batch, length, size], 3));
    const mask = tf.concat([sampleMask, tf.zeros([1, length])]);
    const weights = [...weightsOf(layer).values()];
    const { value, grads } = tf.variableGrads(() => tf.sum(tf.square(call(x, mask))), [x, ...weights]);
    await expectFinite(value, ...Object.values(grads));
  });

  test('a sample does not depend on a neighbour 20 times as large', async () => {
    const x = tf.concat([sample, tf.mul(randomTensor([1, length, size], 4), 20)]);
    const mask = tf.concat([sampleMask, sampleMask]);
    await expectClose(tf.slice(call(x, mask), 0, 1), call(sample, sampleMask));
  });

  test('an all-zero sample gives finite outputs and gradients', async () => {
    const x = tf.variable(tf.zeros([1, length, size]));
    for (const weight of weightsOf(layer).values()) {
      if (weight.name.includes('bias')) weight.assign(tf.zerosLike(weight));
    }
    const weights = [...weightsOf(layer).values()];
    const { value, grads } = tf.variableGrads(() => tf.sum(call(x, sampleMask)), [x, ...weights]);
    await expectFinite(value, ...Object.values(grads));
  });
});

describe('padding', () => {
  const x = randomTensor([1, length, size], 5);
  const mask = tf.tensor2d([Array.from({ length }, (_, i) => (i < 6 ? 1 : 0))]);
  const real = tf.expandDims(mask, 2);
  const changed = tf.add(tf.mul(x, real), tf.mul(randomTensor([1, length, size], 6), tf.sub(1, real)));
  const difference = async (layer: AttentionLayer): Promise<number> => {
    const [a, b] = [x, changed].map((tensor) => tf.mul(layer.apply([tensor, mask]) as tf.Tensor, real));
    return (await tf.max(tf.abs(tf.sub(a, b))).data())[0];
  };

  test('changes real tokens of Primal-Attention, as in the official code', async () => {
    expect(await difference(new PrimalAttention({ heads: 2, rank: 3, landmarks: 12 }))).toBeGreaterThan(0.01);
  });

  test('changes none with maskLandmarks', async () => {
    const layer = new PrimalAttention({ heads: 2, rank: 3, landmarks: 12, maskLandmarks: true });
    expect(await difference(layer)).toBe(0);
  });

  test.each(maskModes)('changes none of softmax attention (%s)', async (maskMode) => {
    expect(await difference(new SoftmaxAttention({ heads: 2, maskMode }))).toBe(0);
  });
});

test('a token off the grid changes only itself', async () => {
  const x = randomTensor([1, 9, size], 7);
  const layer = new PrimalAttention({ heads: 2, rank: 3, landmarks: 5 }); // positions 0, 2, 4, 6, 8
  const other = tf.add(x, tf.oneHot(tf.tensor1d([3], 'int32'), 9).reshape([1, 9, 1]));
  const moved = await tf
    .max(tf.abs(tf.sub(layer.apply(x) as tf.Tensor, layer.apply(other) as tf.Tensor)), [0, 2])
    .data();
  expect(moved[3]).toBeGreaterThan(0.001);
  expect([...moved].filter((_, i) => i !== 3)).toEqual([0, 0, 0, 0, 0, 0, 0, 0]);
});

test('the cosine map makes unit rows, keeps zero, and has a finite gradient there', async () => {
  const z = tf.tensor2d([
    [3, 4],
    [0, 0],
    [-1e-3, 0],
    [1e15, 1e15],
  ]);
  const phi = await cosineFeatureMap(z).data();
  const half = Math.SQRT1_2;
  for (const [i, expected] of [0.6, 0.8, 0, 0, -1, 0, half, half].entries())
    expect(phi[i]).toBeCloseTo(expected, 6);
  const gradient = tf.grad((x) => tf.sum(cosineFeatureMap(x)))(z);
  await expectFinite(gradient);
});
