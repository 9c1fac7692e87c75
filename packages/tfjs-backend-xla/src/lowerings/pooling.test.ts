import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate, expectSameAsCpu, filled, xla } from '../testing/compare.js';

const { NaN: nan } = Number;

const geometry = fc
  .record({
    size: fc.tuple(fc.integer({ min: 2, max: 8 }), fc.integer({ min: 2, max: 8 })),
    filter: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 2, max: 3 })),
    stride: fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 3 })),
    pad: fc.constantFrom<'same' | 'valid' | number>('same', 'valid', 0, 1),
    channels: fc.integer({ min: 1, max: 3 }),
  })
  // Padding in numbers needs one size and one stride: tfjs works out both dimensions with those of the first. Windows of
  // nothing but padding are no use, and tfjs's kernels disagree on them.
  .map((g) =>
    typeof g.pad === 'number'
      ? {
          ...g,
          filter: [g.filter[1], g.filter[1]] as [number, number],
          stride: [g.stride[0], g.stride[0]] as [number, number],
        }
      : g,
  )
  .filter(({ size, filter, pad }) =>
    filter.every((k, i) => k <= size[i] && (typeof pad !== 'number' || pad < k)),
  );

const gradient = (fn: (x: tf.Tensor) => tf.Tensor, x: tf.Tensor): tf.Tensor =>
  tf.grad((x: tf.Tensor) => {
    const y = fn(x);
    return y.mul(filled(y.shape, 5)).sum();
  })(x);

const pools = { maxPool: tf.maxPool, avgPool: tf.avgPool };

describe('pooling', () => {
  it.each(Object.entries(pools))('%s with any window, stride and padding, and its gradient', (_, pool) => {
    fc.assert(
      fc.property(geometry, ({ size, filter, stride, pad, channels }) => {
        const x = () => filled([2, ...size, channels]);
        const fn = (x: tf.Tensor) => pool(x as tf.Tensor4D, filter, stride, pad);
        expectSameAsCpu(() => fn(x()));
        expectSameAsCpu(() => gradient(fn, x()), 5e-6);
      }),
      { numRuns: 15 },
    );
  });

  it('makes of padding in numbers what tfjs makes of it when sizes or strides differ', () => {
    expectSameAsCpu(() => tf.maxPool(filled([2, 2, 2, 1]) as tf.Tensor4D, 2, [3, 1], 1));
    expectSameAsCpu(() => tf.avgPool(filled([2, 2, 3, 1]) as tf.Tensor4D, [1, 2], [3, 1], 0));
    const fn = (x: tf.Tensor) => tf.maxPool(x as tf.Tensor4D, [1, 2], [3, 1], 0);
    expectSameAsCpu(() => gradient(fn, filled([2, 4, 5, 2])));
  });

  it('rounds up where that is asked for', () => {
    for (const pool of Object.values(pools)) {
      expectSameAsCpu(() => pool(filled([1, 5, 5, 2]) as tf.Tensor4D, 2, 2, 0, 'ceil'));
    }
  });

  it('of volumes', () => {
    for (const pool of [tf.maxPool3d, tf.avgPool3d]) {
      for (const pad of ['same', 'valid'] as const) {
        // tfjs's own gradient of a maximum takes windows to be as wide as they are high.
        const fn = (x: tf.Tensor) => pool(x as tf.Tensor5D, [3, 2, 2], [1, 2, 1], pad);
        expectSameAsCpu(() => fn(filled([2, 4, 4, 5, 2])));
        expectSameAsCpu(() => gradient(fn, filled([2, 4, 4, 5, 2])), 5e-6);
      }
    }
  });

  it('gives the gradient of equal maxima to the first one', () => {
    const equal = () => tf.tensor4d([1, 2, 2, 1, 2, 2, 0, 0, 2], [1, 3, 3, 1]);
    for (const stride of [1, 2]) {
      expectSameAsCpu(() => gradient((x) => tf.maxPool(x as tf.Tensor4D, 2, stride, 'same'), equal()));
    }
  });

  it('finds where the maxima are', () => {
    for (const includeBatch of [false, true]) {
      expectSameAsCpu(() => {
        const x = filled([2, 5, 4, 3]) as tf.Tensor4D;
        const { result, indexes } = tf.maxPoolWithArgmax(x, [2, 3], 2, 'same', includeBatch);
        return [result, indexes];
      });
    }
    expectSameAsCpu(() => {
      const x = tf.tensor4d([3, nan, 3, nan, 3, 1], [1, 2, 3, 1]);
      const { result, indexes } = tf.maxPoolWithArgmax(x, 2, 1, 'valid');
      return [result, indexes];
    });
  });

  it('passes NaN over in a maximum, unless there is nothing else; a mean keeps it', () => {
    const x = () => tf.tensor4d([1, nan, 3, nan, nan, nan], [1, 2, 3, 1]);
    const maximum = () => tf.maxPool(x(), [1, 2], 1, 'valid');
    const expected = [1, 3, nan, nan];
    expect(evaluate('xla', maximum)[0].values).toEqual(expected);
    expect(evaluate('xla', () => xla().jit(maximum)())[0].values).toEqual(expected);
    expectSameAsCpu(() => tf.avgPool(x(), [1, 2], 1, 'valid'));
    // The gradient passes it over too, wherever it stands.
    expectSameAsCpu(() =>
      gradient(
        (x) => tf.maxPool(x as tf.Tensor4D, 2, 1, 'valid'),
        tf.tensor4d([nan, 1, 2, nan, 5, 4, 3, nan, 1], [1, 3, 3, 1]),
      ),
    );
  });

  it('of integers', () => {
    const x = () => tf.tensor4d([1, -7, 3, 2, 9, 4], [1, 2, 3, 1], 'int32');
    expect(evaluate('xla', () => tf.maxPool(x(), 2, 1, 'valid'))[0].values).toEqual([9, 9]);
  });
});
