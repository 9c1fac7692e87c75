import * as tf from '@tensorflow/tfjs';
import { it } from 'vitest';
import { expectSameAsCpu, filled } from '../testing/compare.js';

it('sparse values, one for each place or one for all', () => {
  expectSameAsCpu(() => [
    tf.sparseToDense(
      tf.tensor2d(
        [
          [0, 1],
          [2, 0],
        ],
        [2, 2],
        'int32',
      ),
      filled([2]) as tf.Tensor1D,
      [3, 2],
      9,
    ),
    tf.sparseToDense(tf.tensor1d([3, 0], 'int32'), tf.scalar(5), [4], 1),
  ]);
});
