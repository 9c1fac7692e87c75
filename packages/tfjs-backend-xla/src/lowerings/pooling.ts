import { backend_util } from '@tensorflow/tfjs-core';
import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { sameShape } from '../hlo/types.js';
import { addToMaxima, reduceWindow, type Window } from '../hlo/windows.js';
import { isNan } from './elementwise.js';
import { type Attributes, type Inputs, lower, lowerList } from './table.js';

interface Pooling {
  /** One window per dimension of the input, [batch, space…, channels]. */
  readonly windows: readonly Window[];
  readonly inputShape: readonly number[];
  readonly outputShape: readonly number[];
}

type PoolingOf = (inputShape: readonly number[], attrs: Attributes) => Pooling;

const whole: Window = { size: 1, stride: 1, dilation: 1, low: 0, high: 0 };

/** The window of one dimension, with as much padding at its end as its last position needs; less than none is a crop. */
function windowOf(input: number, output: number, size: number, stride: number, low: number): Window {
  return {
    size,
    stride,
    dilation: 1,
    low,
    high: (output - 1) * stride + size - input - low,
  };
}

const pooling2d: PoolingOf = (inputShape, attrs) => {
  const info = backend_util.computePool2DInfo(
    inputShape as [number, number, number, number],
    attrs.filterSize as number,
    attrs.strides as number,
    1,
    attrs.pad as number,
    attrs.dimRoundingMode as 'floor' | undefined,
  );
  const { padInfo } = info;
  const windows = [
    whole,
    windowOf(info.inHeight, info.outHeight, info.filterHeight, info.strideHeight, padInfo.top),
    windowOf(info.inWidth, info.outWidth, info.filterWidth, info.strideWidth, padInfo.left),
    whole,
  ];
  return { windows, inputShape, outputShape: info.outShape };
};

const pooling3d: PoolingOf = (inputShape, attrs) => {
  const info = backend_util.computePool3DInfo(
    inputShape as [number, number, number, number, number],
    attrs.filterSize as number,
    attrs.strides as number,
    1,
    attrs.pad as number,
    attrs.dimRoundingMode as 'floor' | undefined,
    (attrs.dataFormat as 'NDHWC' | undefined) ?? 'NDHWC',
  );
  const { padInfo } = info;
  const windows = [
    whole,
    windowOf(info.inDepth, info.outDepth, info.filterDepth, info.strideDepth, padInfo.front),
    windowOf(info.inHeight, info.outHeight, info.filterHeight, info.strideHeight, padInfo.top),
    windowOf(info.inWidth, info.outWidth, info.filterWidth, info.strideWidth, padInfo.left),
    whole,
  ];
  return { windows, inputShape, outputShape: info.outShape };
};

/** How many elements of the input the windows of one dimension see. */
function seen({ windows, inputShape, outputShape }: Pooling, dimension: number): number[] {
  const { size, stride, low } = windows[dimension];
  return Array.from({ length: outputShape[dimension] }, (_, at) => {
    const begin = at * stride - low;
    return Math.max(0, Math.min(inputShape[dimension], begin + size) - Math.max(0, begin));
  });
}

/** tfjs takes pooling of single elements that keeps the shape for the identity, whatever the strides and padding. */
function isIdentity({ windows, inputShape, outputShape }: Pooling): boolean {
  return (
    windows.length === 4 && windows.every(({ size }) => size === 1) && sameShape(inputShape, outputShape)
  );
}

/**
 * NaN is passed over, as tfjs's own tests want it; a window of nothing but NaN gives NaN, unless there are windows of
 * nothing but padding, which give -∞.
 */
function maxPool(b: FunctionBuilder, x: Value, pooling: Pooling): Value {
  if (isIdentity(pooling)) return x;
  const { windows, outputShape } = pooling;
  const onlyPadding = windows.some((_, i) => seen(pooling, i).includes(0));
  const lowest = x.type.element === 'f32' ? Number.NEGATIVE_INFINITY : -(2 ** 31);
  const init = x.type.element === 'f32' && !onlyPadding ? Number.NaN : lowest;
  return reduceWindow(b, 'maximum', x, b.like(x, init), windows, outputShape);
}

/** How many elements of the input each window sees, at least 1, in a shape that broadcasts with the output. */
function counts(b: FunctionBuilder, pooling: Pooling): Value {
  const { outputShape } = pooling;
  let product = b.constant(1, 'f32');
  for (const i of outputShape.keys()) {
    const numbers = seen(pooling, i).map((n) => Math.max(1, n));
    const uniform = numbers.every((n) => n === numbers[0]);
    const factor = uniform
      ? b.constant(numbers[0] ?? 1, 'f32')
      : b.constantArray(
          numbers,
          'f32',
          outputShape.map((n, k) => (k === i ? n : 1)),
        );
    product = b.binary('multiply', product, factor);
  }
  return product;
}

/** The mean of what each window sees; padding does not count. */
function avgPool(b: FunctionBuilder, x: Value, pooling: Pooling): Value {
  if (isIdentity(pooling)) return b.convert(x, 'f32');
  const sum = reduceWindow(
    b,
    'add',
    b.convert(x, 'f32'),
    b.constant(0, 'f32'),
    pooling.windows,
    pooling.outputShape,
  );
  return b.binary('divide', sum, counts(b, pooling));
}

/**
 * Each element gets its share of all windows that see it: the sum of dy / size over them. Where a window sees padding
 * that is less than the derivative of the mean; it is what tfjs's kernels give, and its tests expect.
 */
function avgPoolGrad(b: FunctionBuilder, dy: Value, pooling: Pooling): Value {
  const zero = b.constant(0, 'f32');
  const size = pooling.windows.reduce((product, window) => product * window.size, 1);
  const share = b.binary('multiply', dy, b.constant(1 / size, 'f32'));
  // Windows begin `stride` apart; seen from the input, those that see one element lie side by side.
  const before = pooling.windows.map(({ size, low }) => size - 1 - low);
  const spread = b.pad(
    share,
    zero,
    before,
    pooling.windows.map(
      ({ size, stride }, i) =>
        pooling.inputShape[i] + size - 1 - ((pooling.outputShape[i] - 1) * stride + 1) - before[i],
    ),
    pooling.windows.map(({ stride }) => stride - 1),
  );
  const windows = pooling.windows.map(({ size }) => ({ ...whole, size }));
  return reduceWindow(b, 'add', spread, zero, windows, pooling.inputShape);
}

for (const [suffix, poolingOf] of [
  ['', pooling2d],
  ['3D', pooling3d],
] as const) {
  lower(`MaxPool${suffix}`, (b, { x }, attrs) => maxPool(b, x, poolingOf(x.type.shape, attrs)));
  lower(`MaxPool${suffix}Grad`, (b, { dy, input }, attrs) => {
    const { windows } = poolingOf(input.type.shape, attrs);
    return addToMaxima(b, b.convert(input, 'f32'), dy, b.constant(0, 'f32'), windows);
  });
  lower(`AvgPool${suffix}`, (b, { x }, attrs) => avgPool(b, x, poolingOf(x.type.shape, attrs)));
  lower(`AvgPool${suffix}Grad`, (b, { dy, input }, attrs) =>
    avgPoolGrad(b, dy, poolingOf(input.type.shape, attrs)),
  );
}

/** The maxima and where they are: the index in the flattened image, or in the flattened batch. */
lowerList('MaxPoolWithArgmax', (b, { x }: Inputs, attrs) => {
  const { windows, outputShape } = pooling2d(x.type.shape, attrs);
  const [batch, height, width, channels] = x.type.shape;
  const image = b.reshape(b.iota('i32', [height * width * channels], 0), [1, height, width, channels]);
  const start = b.binary(
    'multiply',
    b.iota('i32', [batch, 1, 1, 1], 0),
    b.constant(height * width * channels, 'i32'),
  );
  const index = b.broadcastTo(
    attrs.includeBatchInIndex ? b.binary('add', image, start) : image,
    x.type.shape,
  );
  let best: Value | undefined;
  let place: Value | undefined;
  const value = b.convert(x, 'f32');
  for (const at of offsets(windows)) {
    const candidate = windowElement(b, value, b.constant(Number.NaN, 'f32'), windows, outputShape, at);
    const position = windowElement(b, index, b.constant(-1, 'i32'), windows, outputShape, at);
    if (best === undefined || place === undefined) {
      [best, place] = [candidate, position];
      continue;
    }
    const better = b.binary(
      'or',
      b.compare('GT', candidate, best),
      b.binary('and', isNan(b, best), b.compare('EQ', candidate, candidate)),
    );
    place = b.select(better, position, place);
    best = b.select(better, candidate, best);
  }
  return [b.convert(best!, x.type.element), place!];
});

/** All positions in a window, the last dimension fastest. */
export function offsets(windows: readonly Window[]): number[][] {
  return windows.reduce<number[][]>(
    (all, { size }) => all.flatMap((head) => Array.from({ length: size }, (_, i) => [...head, i])),
    [[]],
  );
}

/** What every window sees at one of its positions; `fill` where that is padding. */
export function windowElement(
  b: FunctionBuilder,
  x: Value,
  fill: Value,
  windows: readonly Window[],
  outputShape: readonly number[],
  at: readonly number[],
): Value {
  const padded = b.pad(
    x,
    fill,
    windows.map(({ low }) => low),
    windows.map(({ high }) => high),
  );
  const begin = windows.map(({ dilation }, i) => at[i] * dilation);
  const end = windows.map(({ stride }, i) => begin[i] + (outputShape[i] - 1) * stride + 1);
  return b.slice(
    padded,
    begin,
    end,
    windows.map(({ stride }) => stride),
  );
}
