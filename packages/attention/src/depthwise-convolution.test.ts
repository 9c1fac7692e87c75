import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { depthwiseConvolution } from './depthwise-convolution.js';
import { randomTensor } from './testing/random-tensor.js';

const [heads, batch, size] = [2, 3, 4];

/** The sum of all products w_t x_{i + t - halo} c_i, in double precision, and its gradients. */
function naive(x: tf.Tensor4D, kernel: tf.Tensor2D, c: tf.Tensor4D) {
  const [length, taps] = [x.shape[2], kernel.shape[1]];
  const [xs, ws, cs] = [x, kernel, c].map((tensor) => tensor.dataSync());
  const [y, dx, dw] = [new Float64Array(xs.length), new Float64Array(xs.length), new Float64Array(ws.length)];
  for (let row = 0; row < heads * batch; row++) {
    const head = Math.floor(row / batch);
    for (let i = 0; i < length; i++) {
      for (let t = 0; t < taps; t++) {
        const j = i + t - (taps - 1) / 2;
        if (j < 0 || j >= length) continue;
        for (let f = 0; f < size; f++) {
          const [to, from] = [(row * length + i) * size + f, (row * length + j) * size + f];
          const w = head * taps + t;
          y[to] += ws[w] * xs[from];
          dx[from] += ws[w] * cs[to];
          dw[w] += xs[from] * cs[to];
        }
      }
    }
  }
  return [y, dx, dw];
}

describe('depthwiseConvolution', () => {
  test.each([
    [1, 1],
    [1, 5],
    [5, 1],
    [5, 3],
    [7, 35],
    [131, 7],
  ])('length %i, %i taps: output and gradients', (length, taps) => {
    const x = randomTensor([heads, batch, length, size], 1) as tf.Tensor4D;
    const kernel = randomTensor([heads, taps], 2) as tf.Tensor2D;
    const c = randomTensor(x.shape, 3) as tf.Tensor4D;
    const output = depthwiseConvolution(x, kernel);
    const gradients = tf.grads((x, w) =>
      tf.sum(tf.mul(depthwiseConvolution(x as tf.Tensor4D, w as tf.Tensor2D), c)),
    )([x, kernel]);
    const expected = naive(x, kernel, c);
    for (const [k, tensor] of [output, ...gradients].entries()) {
      const values = tensor.dataSync();
      expect(values.length).toBe(expected[k].length);
      // Sums of up to 1572 products of size one, in float32.
      for (const [i, value] of expected[k].entries()) expect(Math.abs(values[i] - value)).toBeLessThan(2e-4);
    }
  });

  test('an even number of taps has no middle', () => {
    expect(() => depthwiseConvolution(tf.ones([1, 1, 4, 2]), tf.ones([1, 4]))).toThrow(/odd.*got 4/);
  });
});
