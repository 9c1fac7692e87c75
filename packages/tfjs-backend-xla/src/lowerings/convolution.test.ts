import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, it } from 'vitest';
import { expectSameAsCpu, filled } from '../testing/compare.js';

/** Sums of up to a few hundred products in another order than tfjs's. */
const tolerance = 2e-5;

const pads = fc.constantFrom<'same' | 'valid' | number>('same', 'valid', 0, 1, 2);

/** A convolution that has at least one output: size, filter, stride, dilation (one of the two is 1), padding. */
const geometry = fc
  .record({
    size: fc.tuple(fc.integer({ min: 3, max: 8 }), fc.integer({ min: 3, max: 8 })),
    filter: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    dilation: fc.integer({ min: 1, max: 2 }),
    pad: pads,
    batch: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 3 }),
    outer: fc.integer({ min: 1, max: 3 }),
  })
  .map((g) => (g.dilation > 1 ? { ...g, stride: [1, 1] as [number, number] } : g))
  .filter(({ size, filter, dilation }) => filter.every((k, i) => (k - 1) * dilation + 1 <= size[i]))
  // Where the padding is a number, tfjs takes the filter's height for its width, too, and can find a negative width.
  .filter(
    ({ size, filter, dilation, pad }) =>
      typeof pad !== 'number' || (filter[0] - 1) * dilation + 1 <= size[1] + 2 * pad,
  );

const runs = { numRuns: 12 };

/** The gradients of a weighted sum, so that each output has its own. */
const gradients = (fn: (x: tf.Tensor, w: tf.Tensor) => tf.Tensor, x: tf.Tensor, w: tf.Tensor): tf.Tensor[] =>
  tf.grads((x: tf.Tensor, w: tf.Tensor) => {
    const y = fn(x, w);
    return y.mul(filled(y.shape, 5)).sum();
  })([x, w]);

describe('convolution', () => {
  it('in two dimensions, with any stride, dilation and padding', () => {
    fc.assert(
      fc.property(geometry, ({ size, filter, stride, dilation, pad, batch, channels, outer }) => {
        const x = () => filled([batch, ...size, channels]) as tf.Tensor4D;
        const w = () => filled([...filter, channels, outer], 1) as tf.Tensor4D;
        expectSameAsCpu(() => tf.conv2d(x(), w(), stride, pad, 'NHWC', dilation), tolerance);
        if (dilation === 1) {
          const conv = (x: tf.Tensor, w: tf.Tensor) =>
            tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, stride, pad);
          expectSameAsCpu(() => gradients(conv, x(), w()), tolerance);
        }
      }),
      runs,
    );
  });

  it('of each channel by itself', () => {
    fc.assert(
      fc.property(geometry, ({ size, filter, stride, dilation, pad, batch, channels, outer }) => {
        // tfjs wants one stride for both dimensions here.
        const step = stride[0];
        const x = () => filled([batch, ...size, channels]) as tf.Tensor4D;
        const w = () => filled([...filter, channels, outer], 1) as tf.Tensor4D;
        expectSameAsCpu(() => tf.depthwiseConv2d(x(), w(), step, pad, 'NHWC', dilation), tolerance);
        if (dilation === 1) {
          const conv = (x: tf.Tensor, w: tf.Tensor) =>
            tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, step, pad);
          expectSameAsCpu(() => gradients(conv, x(), w()), tolerance);
        }
      }),
      runs,
    );
  });

  it('of each channel by itself, with a large filter', () => {
    const conv = (x: tf.Tensor, w: tf.Tensor) =>
      tf.depthwiseConv2d(x as tf.Tensor4D, w as tf.Tensor4D, 1, 'same');
    const x = () => filled([2, 10, 12, 2]) as tf.Tensor4D;
    const w = () => filled([9, 8, 2, 2], 1) as tf.Tensor4D;
    expectSameAsCpu(() => conv(x(), w()), tolerance);
    expectSameAsCpu(() => gradients(conv, x(), w()), tolerance);
    expectSameAsCpu(
      () => tf.depthwiseConv2d(x(), filled([1, 70, 2, 1], 1) as tf.Tensor4D, 1, 'same'),
      tolerance,
    );
  });

  it('in three dimensions', () => {
    for (const pad of ['same', 'valid'] as const) {
      for (const stride of [1, 2, [2, 1, 2] as [number, number, number]]) {
        const x = () => filled([2, 4, 5, 3, 2]) as tf.Tensor5D;
        const w = () => filled([2, 3, 2, 2, 3], 1) as tf.Tensor5D;
        const conv = (x: tf.Tensor, w: tf.Tensor) =>
          tf.conv3d(x as tf.Tensor5D, w as tf.Tensor5D, stride, pad);
        expectSameAsCpu(() => conv(x(), w()), tolerance);
        expectSameAsCpu(() => gradients(conv, x(), w()), tolerance);
      }
    }
  });

  it('with channels first', () => {
    const x = () => filled([2, 3, 5, 4]) as tf.Tensor4D;
    const w = () => filled([3, 2, 3, 2], 1) as tf.Tensor4D;
    const conv = (x: tf.Tensor, w: tf.Tensor) =>
      tf.conv2d(x as tf.Tensor4D, w as tf.Tensor4D, 2, 'same', 'NCHW');
    expectSameAsCpu(() => conv(x(), w()), tolerance);
    expectSameAsCpu(() => gradients(conv, x(), w()), tolerance);
  });

  it('transposed, in one and in two dimensions', () => {
    const x = () => filled([2, 3, 4, 3]) as tf.Tensor4D;
    const w = () => filled([3, 2, 2, 3], 1) as tf.Tensor4D;
    for (const [height, width, pad] of [
      [6, 8, 'same'],
      [7, 8, 'valid'],
    ] as const) {
      expectSameAsCpu(() => tf.conv2dTranspose(x(), w(), [2, height, width, 2], 2, pad), tolerance);
    }
    expectSameAsCpu(
      () => tf.conv1d(filled([2, 9, 3]) as tf.Tensor3D, filled([4, 3, 2], 1) as tf.Tensor3D, 2, 'same'),
      tolerance,
    );
    expectSameAsCpu(
      () =>
        tf.separableConv2d(
          filled([1, 5, 5, 2]) as tf.Tensor4D,
          filled([3, 3, 2, 2], 1) as tf.Tensor4D,
          filled([1, 1, 4, 3], 2) as tf.Tensor4D,
          1,
          'same',
        ),
      tolerance,
    );
  });

  it('with bias and activation', () => {
    const x = () => filled([2, 5, 4, 3]) as tf.Tensor4D;
    for (const activation of ['linear', 'relu', 'elu', 'sigmoid', 'relu6', 'leakyrelu', 'prelu'] as const) {
      const options = { strides: 1, pad: 'same', activation, leakyreluAlpha: 0.3 } as const;
      const slopes = () => (activation === 'prelu' ? filled([6], 3) : undefined);
      expectSameAsCpu(
        () => [
          tf.fused.conv2d({
            ...options,
            x: x(),
            filter: filled([3, 3, 3, 6], 1) as tf.Tensor4D,
            bias: filled([6], 2),
            preluActivationWeights: slopes(),
          }),
          tf.fused.depthwiseConv2d({
            ...options,
            x: x(),
            filter: filled([3, 3, 3, 2], 1) as tf.Tensor4D,
            bias: filled([6], 2),
            preluActivationWeights: slopes(),
          }),
        ],
        tolerance,
      );
    }
  });
});
