import * as tf from '@tensorflow/tfjs';
import { it } from 'vitest';
import { expectSameAsCpu, filled } from '../testing/compare.js';

it('local response normalisation', () => {
  const normalise = (x: tf.Tensor) => tf.localResponseNormalization(x as tf.Tensor4D, 2, 1.5, 0.4, 0.6);
  expectSameAsCpu(() => normalise(filled([2, 2, 3, 7])), 5e-6);
  const slope = tf.grad((x: tf.Tensor) => normalise(x).mul(filled(x.shape, 4)).sum());
  expectSameAsCpu(() => slope(filled([2, 2, 3, 7])), 1e-5);
});
