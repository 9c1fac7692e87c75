import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { evaluate, expectClose, expectSameAsCpu, filled, xla } from '../testing/compare.js';

/** Plain, with aligned corners, with half-pixel centres. */
const conventions = [
  [false, false],
  [true, false],
  [false, true],
] as const;

const sizes: [number, number][] = [
  [6, 6],
  [5, 7],
  [2, 9],
  [1, 1],
  [3, 4],
];

/**
 * Expects the gradient of a linear function to be its transpose. `fn` is applied to each unit image on tfjs's cpu
 * backend, whose own gradients of resizing know fewer conventions than the resizing itself.
 */
function expectTransposedGradient(
  fn: (x: tf.Tensor4D) => tf.Tensor,
  shape: [number, number, number, number],
) {
  const size = shape.reduce((product, n) => product * n);
  const expected = evaluate('cpu', () => {
    const slopes = Array.from({ length: size }, (_, at) => {
      const unit = tf.tensor4d(
        Array.from({ length: size }, (_, i) => (i === at ? 1 : 0)),
        shape,
      );
      const y = fn(unit);
      return y.mul(filled(y.shape, 5)).sum();
    });
    return tf.stack(slopes).reshape(shape);
  });
  const gradient = () =>
    tf.grad((x: tf.Tensor) => {
      const y = fn(x as tf.Tensor4D);
      return y.mul(filled(y.shape, 5)).sum();
    })(filled(shape));
  expectClose(evaluate('xla', gradient), expected, 5e-6);
  expectClose(
    evaluate('xla', () => xla().jit(gradient)()),
    expected,
    5e-6,
  );
}

describe('resizing', () => {
  const image = () => tf.range(1, 10).reshape([1, 3, 3, 1]) as tf.Tensor4D;

  it.each([
    [false, false, [1, 1.5, 2, 2.5, 3, 3]],
    [true, false, [1, 1.4, 1.8, 2.2, 2.6, 3]],
    [false, true, [1, 1.25, 1.75, 2.25, 2.75, 3]],
  ])('bilinear, aligned corners %s, half-pixel centres %s: the first row', (align, half, row) => {
    const resize = () => tf.image.resizeBilinear(image(), [6, 6], align, half);
    for (const fn of [resize, () => xla().jit(resize)()]) {
      const { values } = evaluate('xla', fn)[0];
      for (const [i, value] of row.entries()) expect(values[i]).toBeCloseTo(value, 6);
    }
  });

  it('bilinear to one pixel with aligned corners gives the first one', () => {
    expect(evaluate('xla', () => tf.image.resizeBilinear(image(), [1, 1], true))[0].values).toEqual([1]);
  });

  it.each(conventions)('like tfjs, aligned corners %s, half-pixel centres %s', (align, half) => {
    for (const size of sizes) {
      expectSameAsCpu(() => {
        const x = filled([2, 3, 4, 2]) as tf.Tensor4D;
        return [
          tf.image.resizeBilinear(x, size, align, half),
          tf.image.resizeNearestNeighbor(x, size, align, half),
        ];
      });
    }
  });

  it.each(conventions)('has exact gradients, aligned corners %s, half-pixel centres %s', (align, half) => {
    for (const size of sizes) {
      expectTransposedGradient((x) => tf.image.resizeBilinear(x, size, align, half), [1, 3, 4, 2]);
      expectTransposedGradient((x) => tf.image.resizeNearestNeighbor(x, size, align, half), [1, 3, 4, 2]);
    }
  });
});

describe('images', () => {
  it('turned, also by angles that fall between pixels', () => {
    const x = () => filled([2, 5, 6, 3]) as tf.Tensor4D;
    for (const radians of [0, 0.4, Math.PI / 2, -2.5, Math.PI]) {
      expectSameAsCpu(() => [
        tf.image.rotateWithOffset(x(), radians, 0, [0.3, 0.7]),
        tf.image.rotateWithOffset(x(), radians, [1, 2, 3]),
      ]);
    }
    expectSameAsCpu(() => tf.image.flipLeftRight(x()));
    expectSameAsCpu(() => tf.image.rotateWithOffset(filled([1, 4, 4, 4]) as tf.Tensor4D, 1, [1, 2, 3]));
  });

  it('cut out and resized', () => {
    for (const method of ['bilinear', 'nearest'] as const) {
      for (const size of [
        [3, 5],
        [1, 1],
        [4, 1],
      ] as [number, number][]) {
        expectSameAsCpu(() =>
          tf.image.cropAndResize(
            filled([2, 5, 4, 3]) as tf.Tensor4D,
            tf.tensor2d([
              [0, 0, 1, 1],
              [0.1, 0.2, 0.7, 0.9],
              [0.9, 0.8, 0.1, 0],
              [-0.5, 0, 1.5, 1],
              [0, 0, 1, 1],
            ]),
            tf.tensor1d([0, 1, 1, 0, 5], 'int32'),
            size,
            method,
            7,
          ),
        );
      }
    }
  });

  it('seen through projections', () => {
    const projections = [
      [1, 0, 0, 0, 1, 0, 0, 0],
      [0.8, 0.3, -1.2, -0.2, 1.1, 0.7, 0.01, -0.02],
      [1, 0, -7.25, 0, 1, 6.5, 0, 0],
      [1, 0, 0, 0, 1, 0, -0.5, 0],
    ];
    for (const interpolation of ['nearest', 'bilinear'] as const) {
      for (const mode of ['constant', 'reflect', 'wrap', 'nearest'] as const) {
        // One image at a time: tfjs's own kernel returns after the first one of a batch.
        const see = (image: tf.Tensor, numbers: number[]) =>
          tf.image.transform(
            image as tf.Tensor4D,
            tf.tensor2d([numbers]),
            interpolation,
            mode,
            9,
            mode === 'wrap' ? [3, 7] : undefined,
          );
        for (const numbers of projections) {
          expectSameAsCpu(() => see(filled([1, 5, 4, 2]), numbers), 5e-6);
        }
      }
    }
    const batch = () => filled([3, 5, 4, 2]) as tf.Tensor4D;
    const together = () => tf.image.transform(batch(), tf.tensor2d(projections.slice(0, 3)), 'bilinear');
    const apart = () =>
      tf.concat(
        tf
          .split(batch(), 3)
          .map((image, i) =>
            tf.image.transform(image as tf.Tensor4D, tf.tensor2d([projections[i]]), 'bilinear'),
          ),
      );
    expectClose(evaluate('xla', together), evaluate('xla', apart), 0);
  });
});
