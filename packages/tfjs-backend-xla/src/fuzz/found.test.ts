import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { expectSameAsCpu, xla } from '../testing/compare.js';

/** Cases that random programs found, each by itself. */
describe('found by random programs', () => {
  it('argMax and argMin of integers', () => {
    const x = () => tf.tensor2d([3, -2147483648, 7, 7, 0, -1], [2, 3], 'int32');
    expectSameAsCpu(() => [tf.argMax(x(), 1), tf.argMin(x(), 0), tf.argMin(x(), -1)]);
  });

  it('a compiled function without results', () => {
    const run = xla().jit((x: tf.Tensor) => {
      x.add(1);
      return [];
    });
    expect(run(tf.ones([2]))).toEqual([]);
    expect(run(tf.ones([2]))).toEqual([]);
  });
});
