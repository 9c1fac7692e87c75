import type { FunctionBuilder, Value } from './function-builder.js';
import { tensorType } from './types.js';

/*
 * Operations that slide a window over dimensions. In each of them a position of the result reads, in each dimension, the
 * inputs at `stride * position - low + dilation * offset`.
 */

/** How a window moves along one dimension. `low` and `high` are what is padded, or cropped when negative. */
export interface Window {
  readonly size: number;
  readonly stride: number;
  readonly dilation: number;
  readonly low: number;
  readonly high: number;
}

/** What the dimensions of a convolution's operands and result are, as StableHLO writes them: `[b, 0, 1, f]`. */
export interface ConvolutionDimensions {
  readonly input: string;
  readonly kernel: string;
  readonly output: string;
}

export interface ConvolutionOptions {
  /** Zeros between neighbours of the input: dilation 1 is none. One number per spatial dimension. */
  readonly inputDilation?: readonly number[];
  readonly featureGroups?: number;
  readonly batchGroups?: number;
}

/** stablehlo.convolution, with the windows of the spatial dimensions in their order. */
export function convolution(
  b: FunctionBuilder,
  x: Value,
  kernel: Value,
  dimensions: ConvolutionDimensions,
  windows: readonly Window[],
  shape: readonly number[],
  { inputDilation = windows.map(() => 1), featureGroups = 1, batchGroups = 1 }: ConvolutionOptions = {},
): Value {
  const type = tensorType(x.type.element, shape);
  const pad = windows.map(({ low, high }) => `[${low}, ${high}]`).join(', ');
  return b.emit(
    `stablehlo.convolution(${x.name}, ${kernel.name}) dim_numbers = ${dimensions.input}x${dimensions.kernel}->${dimensions.output}, ` +
      `window = {stride = [${windows.map(({ stride }) => stride)}], pad = [${pad}], lhs_dilate = [${inputDilation}], ` +
      `rhs_dilate = [${windows.map(({ dilation }) => dilation)}]} ` +
      `{batch_group_count = ${batchGroups} : i64, feature_group_count = ${featureGroups} : i64} : ` +
      `(${x.type.text}, ${kernel.type.text}) -> ${type.text}`,
    type,
  );
}

/** The part of `x` that the windows reach: a window operation pads, but does not crop. */
function reached(b: FunctionBuilder, x: Value, windows: readonly Window[]): Value {
  if (windows.every(({ high }) => high >= 0)) return x;
  return b.slice(
    x,
    windows.map(() => 0),
    windows.map(({ high }, i) => x.type.shape[i] + Math.min(0, high)),
  );
}

function windowAttributes(windows: readonly Window[]): string {
  const pad = windows.map(({ low, high }) => `[${low}, ${Math.max(0, high)}]`).join(', ');
  return (
    `window_dimensions = array<i64: ${windows.map(({ size }) => size)}>, ` +
    `window_strides = array<i64: ${windows.map(({ stride }) => stride)}>, ` +
    `padding = dense<[${pad}]> : tensor<${windows.length}x2xi64>`
  );
}

/** Combines what each window sees; padding is `init`, which the operation must leave out. One window per dimension of `x`. */
export function reduceWindow(
  b: FunctionBuilder,
  op: 'add' | 'maximum',
  whole: Value,
  init: Value,
  windows: readonly Window[],
  shape: readonly number[],
): Value {
  const x = reached(b, whole, windows);
  const type = tensorType(x.type.element, shape);
  const scalar = init.type.text;
  const body =
    op === 'maximum' && x.type.element === 'f32'
      ? largerNumber(scalar)
      : ` %r = stablehlo.${op} %p, %q : ${scalar}\n stablehlo.return %r : ${scalar}\n`;
  return b.emit(
    `"stablehlo.reduce_window"(${x.name}, ${init.name}) ({\n^bb0(%p: ${scalar}, %q: ${scalar}):\n${body}}) ` +
      `{${windowAttributes(windows)}, window_dilations = array<i64: ${windows.map(({ dilation }) => dilation)}>} : ` +
      `(${x.type.text}, ${scalar}) -> ${type.text}`,
    type,
  );
}

/** The larger one of two floats; of a number and NaN the number. */
function largerNumber(scalar: string): string {
  return (
    ` %g = stablehlo.compare GT, %p, %q : (${scalar}, ${scalar}) -> tensor<i1>\n` +
    ` %n = stablehlo.compare NE, %q, %q : (${scalar}, ${scalar}) -> tensor<i1>\n` +
    ' %k = stablehlo.or %g, %n : tensor<i1>\n' +
    ` %r = stablehlo.select %k, %p, %q : tensor<i1>, ${scalar}\n stablehlo.return %r : ${scalar}\n`
  );
}

/**
 * Adds each element of `source` to the place of the largest number that its window sees in `x`, the first one of equals.
 */
export function addToMaxima(
  b: FunctionBuilder,
  whole: Value,
  source: Value,
  init: Value,
  windows: readonly Window[],
): Value {
  const x = reached(b, whole, windows);
  const scalar = init.type.text;
  const sums = b.emit(
    `"stablehlo.select_and_scatter"(${x.name}, ${source.name}, ${init.name}) ({\n^bb0(%p: ${scalar}, %q: ${scalar}):\n` +
      // What the window has chosen so far stays unless the next one is larger, or it was NaN.
      ` %g = stablehlo.compare GE, %p, %q : (${scalar}, ${scalar}) -> tensor<i1>\n` +
      ` %n = stablehlo.compare NE, %q, %q : (${scalar}, ${scalar}) -> tensor<i1>\n` +
      ' %k = stablehlo.or %g, %n : tensor<i1>\n' +
      ` stablehlo.return %k : tensor<i1>\n}, {\n^bb0(%p: ${scalar}, %q: ${scalar}):\n` +
      ` %r = stablehlo.add %p, %q : ${scalar}\n stablehlo.return %r : ${scalar}\n}) ` +
      `{${windowAttributes(windows)}} : (${x.type.text}, ${source.type.text}, ${scalar}) -> ${x.type.text}`,
    x.type,
  );
  if (x === whole) return sums;
  const none = windows.map(() => 0);
  const cropped = windows.map(({ high }) => Math.max(0, -high));
  return b.pad(sums, init, none, cropped);
}
