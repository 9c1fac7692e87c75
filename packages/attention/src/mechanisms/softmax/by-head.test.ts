import { costOf, jit } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { randomTensor } from '../../testing/random-tensor.js';
import { type SoftmaxAttentionOptions, softmaxAttention, softmaxAttentionByHead } from './softmax.js';

const [heads, batch, length, keys, size] = [2, 3, 5, 7, 4];
const inputs = [
  randomTensor([heads, batch, length, size], 1),
  randomTensor([heads, batch, keys, size], 2),
  randomTensor([heads, batch, keys, 3], 3),
] as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D];
// The second sample has no real key.
const mask = tf.tensor2d([1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 1, 1, 0, 0, 0], [batch, keys]);

type Attend = (q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D) => tf.Tensor;

/** Output, and gradients with respect to queries, keys and values. */
function valuesOf(attend: Attend): number[] {
  const { value, grads } = tf.valueAndGrads((q, k, v) =>
    tf.sum(tf.sin(attend(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D))),
  )(inputs);
  return [attend(...inputs), value, ...grads].flatMap((tensor) => [...tensor.dataSync()]);
}

describe('head by head', () => {
  test.each<[string, SoftmaxAttentionOptions]>([
    ['without a mask', {}],
    ['exact mask', { mask, maskMode: 'exact' }],
    ['additive mask', { mask, maskMode: 'additive' }],
    ['changed weights', { mask, transformWeights: (w) => tf.square(w) }],
  ])('output and gradients are those of the whole, %s', (_name, options) => {
    const whole = valuesOf((q, k, v) => softmaxAttention(q, k, v, options).output);
    const apart = valuesOf((q, k, v) => softmaxAttentionByHead(q, k, v, options));
    expect(apart.length).toBe(whole.length);
    // Sums in another order.
    for (const [i, value] of whole.entries()) expect(Math.abs(apart[i] - value)).toBeLessThan(2e-6);
  });

  test('shapes that do not fit are named', () => {
    expect(() =>
      softmaxAttentionByHead(inputs[0], inputs[1], inputs[2], { mask: tf.ones([batch, 4]) }),
    ).toThrow(/softmaxAttentionByHead: .*mask/);
  });

  test.runIf(tf.getBackend() === 'xla')('memory does not grow with heads and samples', () => {
    const n = 128;
    const gradient = (by: (q: tf.Tensor4D) => tf.Tensor) =>
      jit((q: tf.Tensor4D) => tf.grad((q: tf.Tensor) => tf.sum(by(q as tf.Tensor4D)))(q));
    const q = tf.ones([4, 8, n, 4]) as tf.Tensor4D;
    const temporary = (by: (q: tf.Tensor4D) => tf.Tensor): number => costOf(gradient(by), q).memory.temporary;
    const matrix = 4 * n * n;
    expect(temporary((q) => softmaxAttention(q, q, q).output)).toBeGreaterThan(4 * 8 * matrix);
    expect(temporary((q) => softmaxAttentionByHead(q, q, q))).toBeLessThan(12 * matrix);
  });
});
