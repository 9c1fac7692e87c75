import * as tf from '@tensorflow/tfjs';
import { ofOne } from './of-one.js';
import type { Known, Op, Scope } from './program.js';

const float = { dtype: 'float32', range: [-1e4, 1e4] } as const;

/** [batch, height, width, channels]: an earlier value of rank 4, or a new one. */
function image(scope: Scope): Known {
  return (
    (scope.chance(0.5)
      ? scope.find(
          ({ dtype, shape, values }) =>
            dtype === 'float32' &&
            shape.length === 4 &&
            !shape.includes(0) &&
            Array.from(values).every((value) => Math.abs(value) <= 1e4),
        )
      : undefined) ??
    scope.input({ ...float, shape: [scope.int(1, 2), scope.int(2, 5), scope.int(2, 5), scope.int(1, 3)] })
  );
}

interface Windows {
  window: [number, number];
  strides: [number, number];
  pad: 'same' | 'valid' | number;
  dilations: [number, number];
  [name: string]: unknown;
}

/** Window, strides, padding and dilation for an image, such that something is left of it. */
function windows(scope: Scope, x: Known, dilate: boolean): Windows {
  const [, height, width] = x.shape;
  const window: [number, number] = [scope.int(1, Math.min(3, height)), scope.int(1, Math.min(3, width))];
  const dilations: [number, number] =
    dilate && scope.chance(0.25)
      ? [height > 2 * (window[0] - 1) ? 2 : 1, width > 2 * (window[1] - 1) ? 2 : 1]
      : [1, 1];
  const dilated = Math.max(...dilations) > 1;
  const strides: [number, number] = dilated ? [1, 1] : [scope.int(1, 2), scope.int(1, 2)];
  return { window, strides, dilations, pad: scope.pick(['same', 'valid'] as const) };
}

function convolution(
  filterShape: (windows: Windows, channels: number, scope: Scope) => number[],
  apply: (x: tf.Tensor4D, filter: tf.Tensor4D, windows: Windows) => tf.Tensor,
): Op {
  return {
    differentiable: true,
    choose: (scope) => {
      const x = image(scope);
      // tfjs refuses the gradient of a dilated convolution.
      const attrs = windows(scope, x, false);
      const filter = scope.input({ ...float, shape: filterShape(attrs, x.shape[3], scope) });
      return { operands: [x.ref, filter.ref], attrs };
    },
    apply: ([x, filter], attrs) => apply(x as tf.Tensor4D, filter as tf.Tensor4D, attrs as Windows),
  };
}

function one(
  attributes: (x: Known, scope: Scope) => Record<string, unknown>,
  apply: Op['apply'],
  differentiable: Op['differentiable'] = true,
): Op {
  return ofOne(image, attributes, apply, differentiable);
}

function pool(
  fn: (
    x: tf.Tensor4D,
    window: Windows['window'],
    strides: Windows['strides'],
    pad: Windows['pad'],
  ) => tf.Tensor,
): Op {
  return one(
    (x, scope) => windows(scope, x, false),
    ([x], attrs) => {
      const { window, strides, pad } = attrs as Windows;
      return fn(x as tf.Tensor4D, window, strides, pad);
    },
  );
}

function resizing(
  fn: (x: tf.Tensor4D, size: [number, number], alignCorners: boolean, halfPixelCenters: boolean) => tf.Tensor,
  differentiable: Op['differentiable'],
): Op {
  return one(
    (_, scope) => resize(scope),
    ([x], { size, alignCorners, halfPixelCenters }) =>
      fn(x as tf.Tensor4D, size as [number, number], alignCorners as boolean, halfPixelCenters as boolean),
    differentiable,
  );
}

function resize(scope: Scope): Record<string, unknown> {
  const alignCorners = scope.chance(0.4);
  return {
    size: [scope.int(1, 6), scope.int(1, 6)],
    alignCorners,
    halfPixelCenters: !alignCorners && scope.chance(0.5),
  };
}

/**
 * y, whose gradient is 0 where it is not finite. The gradient of local response normalization is a difference: tfjs's cpu
 * kernel subtracts the factors of an infinity, xla the infinities themselves.
 */
function finiteGradient(y: tf.Tensor): tf.Tensor {
  return tf.customGrad((x) => ({
    value: (x as tf.Tensor).clone(),
    gradFunc: (dy: tf.Tensor) => tf.where(tf.isFinite(dy), dy, tf.zerosLike(dy)),
  }))(y);
}

export const imageOps: Readonly<Record<string, Op>> = {
  conv2d: convolution(
    ({ window }, channels, scope) => [...window, channels, scope.int(1, 3)],
    (x, filter, { strides, pad }) => tf.conv2d(x, filter, strides, pad as 'same'),
  ),
  dilatedConv2d: {
    differentiable: false,
    choose: (scope) => {
      const x = image(scope);
      const attrs = windows(scope, x, true);
      const filter = scope.input({ ...float, shape: [...attrs.window, x.shape[3], scope.int(1, 3)] });
      return { operands: [x.ref, filter.ref], attrs };
    },
    apply: ([x, filter], attrs) => {
      const { strides, pad, dilations } = attrs as Windows;
      return tf.conv2d(x as tf.Tensor4D, filter as tf.Tensor4D, strides, pad as 'same', 'NHWC', dilations);
    },
  },
  depthwiseConv2d: convolution(
    ({ window }, channels, scope) => [...window, channels, scope.int(1, 2)],
    (x, filter, { strides, pad }) => tf.depthwiseConv2d(x, filter, strides, pad as 'same'),
  ),
  conv1d: {
    differentiable: true,
    choose: (scope) => {
      const x = scope.operand({ ...float, minRank: 3, maxRank: 3, nonEmpty: true });
      const [, length, channels] = x.shape;
      const filter = scope.input({ ...float, shape: [scope.int(1, length), channels, scope.int(1, 3)] });
      return {
        operands: [x.ref, filter.ref],
        attrs: { stride: scope.int(1, 2), pad: scope.pick(['same', 'valid'] as const) },
      };
    },
    apply: ([x, filter], { stride, pad }) =>
      tf.conv1d(x as tf.Tensor3D, filter as tf.Tensor3D, stride as number, pad as 'same'),
  },
  conv2dTranspose: {
    differentiable: true,
    choose: (scope) => {
      const x = image(scope);
      const [batch, height, width, channels] = x.shape;
      const window = [scope.int(1, 3), scope.int(1, 3)];
      const stride = scope.int(1, 2);
      const outputs = scope.int(1, 2);
      const filter = scope.input({ ...float, shape: [...window, outputs, channels] });
      return {
        operands: [x.ref, filter.ref],
        attrs: { shape: [batch, height * stride, width * stride, outputs], stride },
      };
    },
    apply: ([x, filter], { shape, stride }) =>
      tf.conv2dTranspose(
        x as tf.Tensor4D,
        filter as tf.Tensor4D,
        shape as [number, number, number, number],
        stride as number,
        'same',
      ),
  },
  maxPool: pool((x, window, strides, pad) => tf.maxPool(x, window, strides, pad)),
  avgPool: pool((x, window, strides, pad) => tf.avgPool(x, window, strides, pad)),
  resizeBilinear: resizing(
    (x, size, alignCorners, halfPixelCenters) =>
      tf.image.resizeBilinear(x, size, alignCorners, halfPixelCenters),
    // tfjs's cpu kernel of the gradient swaps height and width, and takes no notice of halfPixelCenters.
    ([x], { halfPixelCenters }) => x.shape[1] === x.shape[2] && !halfPixelCenters,
  ),
  resizeNearestNeighbor: resizing(
    (x, size, alignCorners, halfPixelCenters) =>
      tf.image.resizeNearestNeighbor(x, size, alignCorners, halfPixelCenters),
    // tfjs's cpu kernel of the gradient takes no notice of halfPixelCenters, and looks for the second image's gradient at
    // the distance that images have before they are resized.
    ([x], { size, halfPixelCenters }) => {
      const [batch, height, width] = x.shape;
      const [newHeight, newWidth] = size as [number, number];
      return !halfPixelCenters && (batch === 1 || height * width === newHeight * newWidth);
    },
  ),
  localResponseNormalization: one(
    (_, scope) => ({
      radius: scope.int(1, 3),
      bias: 1,
      alpha: scope.pick([1, 0.5]),
      beta: scope.pick([0.5, 0.75]),
    }),
    ([x], { radius, bias, alpha, beta }) =>
      finiteGradient(
        tf.localResponseNormalization(
          x as tf.Tensor4D,
          radius as number,
          bias as number,
          alpha as number,
          beta as number,
        ),
      ),
  ),
  flipLeftRight: one(
    () => ({}),
    ([x]) => tf.image.flipLeftRight(x as tf.Tensor4D),
    false,
  ),
};
