import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { offsets, placeWindowElement, type Window, windowElement } from '../hlo/windows.js';
import { filterGradient, finish, forward, type Geometry, geometry2d, inputGradient } from './convolution.js';
import { type Attributes, lower } from './table.js';

/*
 * Convolutions of each channel by itself, with m filters per channel. They are limited by memory, not by arithmetic: as
 * one product per element of the filter, which XLA fuses into a single pass, they are several times as fast on a CPU as
 * grouped convolutions.
 */

/** Beyond this many products a grouped convolution takes less time to compile. */
const maxProducts = 64;

function isSmall({ spatial }: Geometry): boolean {
  return spatial.reduce((product, { kernel }) => product * kernel, 1) <= maxProducts;
}

function windowsOf({ spatial }: Geometry): Window[] {
  const whole: Window = { size: 1, stride: 1, dilation: 1, low: 0, high: 0 };
  const moving = spatial.map(({ input, output, kernel, stride, dilation, low }) => ({
    size: kernel,
    stride,
    dilation,
    low,
    high: (output - 1) * stride + (kernel - 1) * dilation + 1 - input - low,
  }));
  return [whole, ...moving, whole];
}

/** The filters' elements at one position, [channels, m]. */
function filterElement(b: FunctionBuilder, filter: Value, [, row, column]: readonly number[]): Value {
  const [, , channels, multiplier] = filter.type.shape;
  const element = b.slice(filter, [row, column, 0, 0], [row + 1, column + 1, channels, multiplier]);
  return b.reshape(element, [channels, multiplier]);
}

const sum = (b: FunctionBuilder, values: readonly Value[]): Value =>
  values.reduce((total, value) => b.binary('add', total, value));

function convolve(b: FunctionBuilder, x: Value, filter: Value, attrs: Attributes): Value {
  const geometry = geometry2d(x.type.shape, filter.type.shape, attrs, true);
  const [height, width, channels, multiplier] = filter.type.shape;
  if (!isSmall(geometry)) {
    return forward(b, x, b.reshape(filter, [height, width, 1, channels * multiplier]), geometry, channels);
  }
  const windows = windowsOf(geometry);
  const [batch, rows, columns] = geometry.outputShape;
  const products = offsets(windows).map((at) => {
    const seen = windowElement(b, x, b.like(x, 0), windows, [batch, rows, columns, channels], at);
    const column = b.reshape(seen, [batch, rows, columns, channels, 1]);
    return b.binary('multiply', column, filterElement(b, filter, at)); // [batch, rows, columns, channels, m]
  });
  return b.reshape(sum(b, products), geometry.outputShape);
}

lower('DepthwiseConv2dNative', (b, { x, filter }, attrs) => convolve(b, x, filter, attrs));

lower('FusedDepthwiseConv2D', (b, inputs, attrs) =>
  finish(b, convolve(b, inputs.x, inputs.filter, attrs), inputs, attrs),
);

lower('DepthwiseConv2dNativeBackpropInput', (b, { dy, filter }, attrs) => {
  const inputShape = attrs.inputShape as number[];
  const geometry = geometry2d(inputShape, filter.type.shape, attrs, true);
  const [, , channels, multiplier] = filter.type.shape;
  if (!isSmall(geometry)) return inputGradient(b, dy, filter, geometry, channels);
  const windows = windowsOf(geometry);
  const split = b.reshape(dy, [...dy.type.shape.slice(0, 3), channels, multiplier]);
  const parts = offsets(windows).map((at) => {
    const products = b.binary('multiply', split, filterElement(b, filter, at));
    return placeWindowElement(b, b.reduce('add', products, [4]), windows, inputShape, at);
  });
  return sum(b, parts);
});

lower('DepthwiseConv2dNativeBackpropFilter', (b, { x, dy }, attrs) => {
  const filterShape = attrs.filterShape as number[];
  const geometry = geometry2d(x.type.shape, filterShape, attrs, true);
  return b.reshape(filterGradient(b, x, dy, geometry, filterShape[2]), filterShape);
});
