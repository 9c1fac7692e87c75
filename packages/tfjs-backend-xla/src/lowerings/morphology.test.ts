import * as tf from '@tensorflow/tfjs';
import { it } from 'vitest';
import { expectSameAsCpu, filled } from '../testing/compare.js';

it('grey-scale dilation and its gradients', () => {
  for (const [stride, dilation, pad] of [
    [1, 1, 'same'],
    [2, 1, 'valid'],
    [1, 2, 'same'],
  ] as const) {
    const dilate = (x: tf.Tensor, w: tf.Tensor) =>
      tf.dilation2d(x as tf.Tensor4D, w as tf.Tensor3D, stride, pad, dilation);
    const x = () => filled([2, 5, 6, 2]);
    const w = () => filled([2, 3, 2], 1);
    expectSameAsCpu(() => dilate(x(), w()));
    const slopes = tf.grads((x: tf.Tensor, w: tf.Tensor) => {
      const y = dilate(x, w);
      return y.mul(filled(y.shape, 4)).sum();
    });
    expectSameAsCpu(() => slopes([x(), w()]), 5e-6);
  }
});
