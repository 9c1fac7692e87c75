import * as tf from '@tensorflow/tfjs';
import { describe, it } from 'vitest';
import { expectSameAsCpu, filled } from '../testing/compare.js';

describe('blocks of space', () => {
  it('to the batch and back', () => {
    expectSameAsCpu(() => [
      tf.spaceToBatchND(
        filled([2, 4, 5, 3]),
        [2, 3],
        [
          [1, 1],
          [0, 1],
        ],
      ),
      tf.batchToSpaceND(
        filled([12, 2, 3, 2]),
        [2, 3],
        [
          [1, 0],
          [0, 2],
        ],
      ),
      tf.spaceToBatchND(filled([2, 4]), [2], [[0, 0]]),
      tf.batchToSpaceND(filled([4, 2, 2]), [2], [[0, 1]]),
    ]);
    const slope = tf.grad((x: tf.Tensor) =>
      tf
        .spaceToBatchND(x, [2], [[0, 0]])
        .square()
        .sum(),
    );
    expectSameAsCpu(() => slope(filled([2, 4, 2])));
  });

  it('from the channels', () => {
    expectSameAsCpu(() => tf.depthToSpace(filled([2, 2, 3, 8]) as tf.Tensor4D, 2, 'NHWC'));
  });
});

it('mirrored padding', () => {
  for (const mode of ['reflect', 'symmetric'] as const) {
    expectSameAsCpu(() => [
      tf.mirrorPad(
        filled([3, 4]),
        [
          [2, 1],
          [0, 2],
        ],
        mode,
      ),
      tf.mirrorPad(
        tf.tensor2d([1, 2, 3, 4, 5, 6], [2, 3], 'int32'),
        [
          [1, 1],
          [2, 0],
        ],
        mode,
      ),
    ]);
  }
});

it('diagonals', () => {
  expectSameAsCpu(() => [
    tf.diag(filled([3])),
    tf.diag(filled([2, 3])),
    tf.diag(tf.tensor1d([1, 0], 'bool')),
  ]);
});
