import * as tf from '@tensorflow/tfjs';
import { it } from 'vitest';
import { expectSameAsCpu } from '../testing/compare.js';

it('counts of integers, plain, weighted and as zeros and ones', () => {
  expectSameAsCpu(() => [
    tf.bincount(tf.tensor1d([0, 2, 2, 9], 'int32'), [], 4),
    tf.bincount(tf.tensor1d([0, 2, 2, 9], 'int32'), tf.tensor1d([1.5, 2, 3, 4]), 4),
    tf.denseBincount(tf.tensor2d([0, 2, 2, 9], [2, 2], 'int32'), [], 4),
    tf.denseBincount(tf.tensor2d([0, 2, 2, 2], [2, 2], 'int32'), [], 4, true),
    tf.denseBincount(tf.tensor2d([0, 2, 2, 2], [2, 2], 'int32'), tf.tensor2d([1, 2, 3, 4], [2, 2]), 4),
  ]);
}); // prettier-ignore
