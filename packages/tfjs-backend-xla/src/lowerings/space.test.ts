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

it('diagonals, sparse values and counts', () => {
  expectSameAsCpu(() => [
    tf.diag(filled([3])),
    tf.diag(filled([2, 3])),
    tf.diag(tf.tensor1d([1, 0], 'bool')),
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
    tf.bincount(tf.tensor1d([0, 2, 2, 9], 'int32'), [], 4),
    tf.bincount(tf.tensor1d([0, 2, 2, 9], 'int32'), tf.tensor1d([1.5, 2, 3, 4]), 4),
    tf.denseBincount(tf.tensor2d([0, 2, 2, 9], [2, 2], 'int32'), [], 4),
    tf.denseBincount(tf.tensor2d([0, 2, 2, 2], [2, 2], 'int32'), [], 4, true),
    tf.denseBincount(tf.tensor2d([0, 2, 2, 2], [2, 2], 'int32'), tf.tensor2d([1, 2, 3, 4], [2, 2]), 4),
  ]);
}); // prettier-ignore

it('local response normalisation', () => {
  const normalise = (x: tf.Tensor) => tf.localResponseNormalization(x as tf.Tensor4D, 2, 1.5, 0.4, 0.6);
  expectSameAsCpu(() => normalise(filled([2, 2, 3, 7])), 5e-6);
  const slope = tf.grad((x: tf.Tensor) => normalise(x).mul(filled(x.shape, 4)).sum());
  expectSameAsCpu(() => slope(filled([2, 2, 3, 7])), 1e-5);
});

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
