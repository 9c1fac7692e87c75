import { backend_util } from '@tensorflow/tfjs-core';
import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { type ConvolutionDimensions, convolution, type Window } from '../hlo/windows.js';
import { activation } from './elementwise.js';
import { type Attributes, type Inputs, lower, NotLowered } from './table.js';

/*
 * Every convolution of tfjs, and each of its two gradients, is one StableHLO convolution:
 *
 *   y[o] = Σ_k x[s o - p + d k] w[k]       stride s, padding p, dilation d
 *   dx   = the convolution of dy, with s - 1 zeros between its elements, with the reversed kernel
 *   dw   = the convolution of x with dy, whose elements are s apart; each step is d long
 */

/** One spatial dimension of a convolution. */
interface Spatial {
  readonly input: number;
  readonly output: number;
  readonly kernel: number;
  readonly stride: number;
  readonly dilation: number;
  readonly low: number;
}

export interface Geometry {
  readonly spatial: readonly Spatial[];
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
  readonly filterShape: readonly number[];
  readonly channelsLast: boolean;
}

type Shape4 = [number, number, number, number];
type Shape5 = [number, number, number, number, number];

/** The geometry of a 2-D convolution from the attributes that its kernel and its gradients' kernels have. */
export function geometry2d(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attrs: Attributes,
  depthwise = false,
): Geometry {
  const dataFormat = (attrs.dataFormat as 'NHWC' | 'NCHW' | undefined) ?? 'NHWC';
  if (depthwise && dataFormat !== 'NHWC') throw new NotLowered(`depthwise convolution in ${dataFormat}`);
  const info = backend_util.computeConv2DInfo(
    inputShape as Shape4,
    filterShape as Shape4,
    attrs.strides as number,
    (attrs.dilations as number | undefined) ?? 1,
    attrs.pad as number,
    attrs.dimRoundingMode as 'floor' | undefined,
    depthwise,
    backend_util.convertConv2DDataFormat(dataFormat),
  );
  return {
    spatial: [
      {
        input: info.inHeight,
        output: info.outHeight,
        kernel: info.filterHeight,
        stride: info.strideHeight,
        dilation: info.dilationHeight,
        low: info.padInfo.top,
      },
      {
        input: info.inWidth,
        output: info.outWidth,
        kernel: info.filterWidth,
        stride: info.strideWidth,
        dilation: info.dilationWidth,
        low: info.padInfo.left,
      },
    ],
    inputShape,
    outputShape: info.outShape,
    filterShape,
    channelsLast: dataFormat === 'NHWC',
  };
}

function geometry3d(
  inputShape: readonly number[],
  filterShape: readonly number[],
  attrs: Attributes,
): Geometry {
  const info = backend_util.computeConv3DInfo(
    inputShape as Shape5,
    filterShape as Shape5,
    attrs.strides as number,
    (attrs.dilations as number | undefined) ?? 1,
    attrs.pad as 'same',
  );
  const { padInfo } = info;
  return {
    spatial: [
      {
        input: info.inDepth,
        output: info.outDepth,
        kernel: info.filterDepth,
        stride: info.strideDepth,
        dilation: info.dilationDepth,
        low: padInfo.front,
      },
      {
        input: info.inHeight,
        output: info.outHeight,
        kernel: info.filterHeight,
        stride: info.strideHeight,
        dilation: info.dilationHeight,
        low: padInfo.top,
      },
      {
        input: info.inWidth,
        output: info.outWidth,
        kernel: info.filterWidth,
        stride: info.strideWidth,
        dilation: info.dilationWidth,
        low: padInfo.left,
      },
    ],
    inputShape,
    outputShape: info.outShape,
    filterShape,
    channelsLast: true,
  };
}

const spatialNames = ({ spatial }: Geometry): string => spatial.map((_, i) => i).join(', ');

/** The dimensions of an image, whose first one is called `outer` and whose channels `inner`. */
function image(geometry: Geometry, outer: string, inner: string): string {
  const names = spatialNames(geometry);
  return geometry.channelsLast ? `[${outer}, ${names}, ${inner}]` : `[${outer}, ${inner}, ${names}]`;
}

export function forward(b: FunctionBuilder, x: Value, filter: Value, geometry: Geometry, groups = 1): Value {
  const windows = geometry.spatial.map(({ input, output, kernel, stride, dilation, low }) => ({
    size: kernel,
    stride,
    dilation,
    low,
    high: (output - 1) * stride + (kernel - 1) * dilation + 1 - input - low,
  }));
  const dimensions: ConvolutionDimensions = {
    input: image(geometry, 'b', 'f'),
    kernel: `[${spatialNames(geometry)}, i, o]`,
    output: image(geometry, 'b', 'f'),
  };
  return convolution(b, x, filter, dimensions, windows, geometry.outputShape, { featureGroups: groups });
}

export function inputGradient(
  b: FunctionBuilder,
  given: Value,
  filter: Value,
  geometry: Geometry,
  groups = 1,
): Value {
  // A transposed convolution may be given more than the positions that its output has: tfjs leaves the rest out.
  const dy = b.slice(
    given,
    given.type.shape.map(() => 0),
    given.type.shape.map((n, i) => Math.min(n, geometry.outputShape[i])),
  );
  const windows: Window[] = geometry.spatial.map(({ input, output, kernel, stride, dilation, low }) => {
    const reach = (kernel - 1) * dilation;
    const before = reach - low;
    return {
      size: kernel,
      stride: 1,
      dilation,
      low: before,
      high: input + reach - ((output - 1) * stride + 1) - before,
    };
  });
  const dimensions: ConvolutionDimensions = {
    input: image(geometry, 'b', 'f'),
    kernel: `[${spatialNames(geometry)}, o, i]`,
    output: image(geometry, 'b', 'f'),
  };
  const reversed = b.reverse(
    filter,
    geometry.spatial.map((_, i) => i),
  );
  return convolution(b, dy, reversed, dimensions, windows, geometry.inputShape, {
    inputDilation: geometry.spatial.map(({ stride }) => stride),
    featureGroups: groups,
  });
}

/** Channels take the place of the batch, and the batch that of the channels, which are summed. */
export function filterGradient(
  b: FunctionBuilder,
  x: Value,
  dy: Value,
  geometry: Geometry,
  groups = 1,
): Value {
  const windows: Window[] = geometry.spatial.map(({ input, output, kernel, stride, dilation, low }) => ({
    size: output,
    stride: dilation,
    dilation: stride,
    low,
    high: (kernel - 1) * dilation + (output - 1) * stride + 1 - input - low,
  }));
  const dimensions: ConvolutionDimensions = {
    input: image(geometry, 'f', 'b'),
    kernel: image(geometry, 'i', 'o'),
    output: `[${spatialNames(geometry)}, b, f]`,
  };
  const sizes = geometry.filterShape.slice(0, geometry.spatial.length);
  const [inner, outer] = geometry.filterShape.slice(-2);
  const shape = groups === 1 ? geometry.filterShape : [...sizes, 1, inner * outer];
  return convolution(b, x, dy, dimensions, windows, shape, { batchGroups: groups });
}

for (const [kernel, gradientOfInput, gradientOfFilter, geometry] of [
  ['Conv2D', 'Conv2DBackpropInput', 'Conv2DBackpropFilter', geometry2d],
  ['Conv3D', 'Conv3DBackpropInputV2', 'Conv3DBackpropFilterV2', geometry3d],
] as const) {
  lower(kernel, (b, { x, filter }, attrs) =>
    forward(b, x, filter, geometry(x.type.shape, filter.type.shape, attrs)),
  );
  lower(gradientOfInput, (b, { dy, filter }, attrs) =>
    inputGradient(b, dy, filter, geometry(attrs.inputShape as number[], filter.type.shape, attrs)),
  );
  lower(gradientOfFilter, (b, { x, dy }, attrs) =>
    filterGradient(b, x, dy, geometry(x.type.shape, attrs.filterShape as number[], attrs)),
  );
}

// With bias and activation

/** Bias and slopes, one per channel, meet the channels wherever the data format has them. */
export function finish(b: FunctionBuilder, y: Value, inputs: Inputs, attrs: Attributes): Value {
  const perChannel = (value: Value): Value =>
    attrs.dataFormat === 'NCHW' && value.type.shape.length === 1 && value.type.shape[0] !== 1
      ? b.reshape(value, [value.type.shape[0], 1, 1])
      : value;
  const { bias, preluActivationWeights } = inputs;
  const shifted = bias === undefined ? y : b.binary('add', y, perChannel(bias));
  return activation(
    b,
    shifted,
    (attrs.activation as string | undefined) ?? 'linear',
    preluActivationWeights === undefined ? undefined : perChannel(preluActivationWeights),
    (attrs.leakyreluAlpha as number | undefined) ?? 0.2,
  );
}

lower('FusedConv2D', (b, inputs, attrs) => {
  const { x, filter } = inputs;
  return finish(b, forward(b, x, filter, geometry2d(x.type.shape, filter.type.shape, attrs)), inputs, attrs);
});
