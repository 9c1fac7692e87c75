import { backend_util } from '@tensorflow/tfjs-core';
import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import type { Window } from '../hlo/windows.js';
import { offsets, windowElement } from './pooling.js';
import { type Attributes, lower } from './table.js';

/*
 * Grey-scale dilation, y[o] = max_k (x[s o - p + d k] + w[k]), as one maximum per element of the filter. Its gradients
 * go to the place of the maximum, the first one of equals.
 */

interface Dilation {
  readonly windows: readonly Window[];
  readonly outputShape: readonly number[];
}

function dilationOf(x: Value, filter: Value, attrs: Attributes): Dilation {
  const info = backend_util.computeDilation2DInfo(
    x.type.shape as [number, number, number, number],
    filter.type.shape as [number, number, number],
    attrs.strides as number,
    attrs.pad as 'same',
    'NHWC',
    attrs.dilations as number,
  );
  const { padInfo } = info;
  const along = (
    input: number,
    output: number,
    size: number,
    stride: number,
    dilation: number,
    low: number,
  ) => ({
    size,
    stride,
    dilation,
    low,
    high: (output - 1) * stride + (size - 1) * dilation + 1 - input - low,
  });
  const whole = along(1, 1, 1, 1, 1, 0);
  return {
    windows: [
      whole,
      along(
        info.inHeight,
        info.outHeight,
        info.filterHeight,
        info.strideHeight,
        info.dilationHeight,
        padInfo.top,
      ),
      along(
        info.inWidth,
        info.outWidth,
        info.filterWidth,
        info.strideWidth,
        info.dilationWidth,
        padInfo.left,
      ),
      whole,
    ],
    outputShape: info.outShape,
  };
}

/** What the filter's element at `at` makes of the input. */
function candidate(
  b: FunctionBuilder,
  x: Value,
  filter: Value,
  dilation: Dilation,
  at: readonly number[],
): Value {
  const seen = windowElement(b, x, b.like(x, lowest(x)), dilation.windows, dilation.outputShape, at);
  return b.binary('add', seen, filterElement(b, filter, at));
}

function filterElement(b: FunctionBuilder, filter: Value, [, row, column]: readonly number[]): Value {
  const channels = filter.type.shape[2];
  return b.reshape(b.slice(filter, [row, column, 0], [row + 1, column + 1, channels]), [channels]);
}

/** Far enough from the lowest integer that adding a filter's element cannot overflow. */
function lowest(x: Value): number {
  return x.type.element === 'f32' ? Number.NEGATIVE_INFINITY : -(2 ** 30);
}

/** For each element of the filter: its position, and dy where it made the maximum, 0 elsewhere. */
function shares(
  b: FunctionBuilder,
  x: Value,
  filter: Value,
  dy: Value,
  dilation: Dilation,
): [number[], Value][] {
  let best: Value | undefined;
  let winner = b.constant(0, 'i32', dilation.outputShape);
  const all = offsets(dilation.windows);
  for (const [i, at] of all.entries()) {
    const value = candidate(b, x, filter, dilation, at);
    const better = best === undefined ? undefined : b.compare('GT', value, best);
    winner = better === undefined ? winner : b.select(better, b.constant(i, 'i32'), winner);
    best = better === undefined ? value : b.select(better, value, best!);
  }
  return all.map((at, i) => [at, b.select(b.compare('EQ', winner, b.constant(i, 'i32')), dy, b.like(dy, 0))]);
}

lower('Dilation2D', (b, { x, filter }, attrs) => {
  const dilation = dilationOf(x, filter, attrs);
  return offsets(dilation.windows)
    .map((at) => candidate(b, x, filter, dilation, at))
    .reduce((best, value) => b.binary('maximum', best, value));
});

lower('Dilation2DBackpropInput', (b, { x, filter, dy }, attrs) => {
  const dilation = dilationOf(x, filter, attrs);
  const { windows, outputShape } = dilation;
  return shares(b, x, filter, dy, dilation)
    .map(([at, share]) => {
      const low = windows.map((window, i) => at[i] * window.dilation - window.low);
      const high = windows.map(
        ({ stride }, i) => x.type.shape[i] - ((outputShape[i] - 1) * stride + 1) - low[i],
      );
      return b.pad(
        share,
        b.like(share, 0),
        low,
        high,
        windows.map(({ stride }) => stride - 1),
      );
    })
    .reduce((sum, value) => b.binary('add', sum, value));
});

lower('Dilation2DBackpropFilter', (b, { x, filter, dy }, attrs) => {
  const dilation = dilationOf(x, filter, attrs);
  const sums = shares(b, x, filter, dy, dilation).map(([, share]) =>
    b.reshape(b.reduce('add', share, [0, 1, 2]), [1, filter.type.shape[2]]),
  );
  return b.reshape(b.concatenate(sums, 0), filter.type.shape);
});
