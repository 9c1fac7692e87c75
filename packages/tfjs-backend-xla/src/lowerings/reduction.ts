import { util } from '@tensorflow/tfjs-core';
import type { FunctionBuilder, Reduction, Value } from '../hlo/function-builder.js';
import { isNan } from './elementwise.js';
import { type Attributes, type Inputs, lower } from './table.js';

/** The axes of a reduction: all when none are named. tfjs calls the attribute `axis` or `reductionIndices`. */
function axesOf(x: Value, attrs: Attributes): number[] {
  const given = (attrs.axis ?? attrs.reductionIndices) as number | number[] | undefined;
  return util.parseAxisParam(given as number | number[], x.type.shape as number[]);
}

const reductions: Record<string, Reduction> = {
  Sum: 'add',
  Prod: 'multiply',
  Max: 'maximum',
  Min: 'minimum',
  All: 'and',
  Any: 'or',
};
for (const [kernel, op] of Object.entries(reductions)) {
  const arithmetic = kernel === 'Sum' || kernel === 'Prod';
  lower(kernel, (b, { x }, attrs) => {
    const operand = arithmetic && x.type.element === 'i1' ? b.convert(x, 'i32') : x;
    return b.reduce(op, operand, axesOf(x, attrs), attrs.keepDims as boolean);
  });
}

lower('Mean', (b, { x }, attrs) => {
  const axes = axesOf(x, attrs);
  const count = axes.reduce((product, axis) => product * x.type.shape[axis], 1);
  const sum = b.reduce('add', b.convert(x, 'f32'), axes, attrs.keepDims as boolean);
  return b.binary('divide', sum, b.constant(count, 'f32'));
});

/** The first position of the extreme value. NaN is passed over; where there is nothing else, the position is 0. */
function argExtreme(op: 'maximum' | 'minimum'): (b: FunctionBuilder, x: Value, axis: number) => Value {
  return (b, x, axis) => {
    let comparable = x;
    if (x.type.element === 'f32') {
      const worst = op === 'maximum' ? Number.NEGATIVE_INFINITY : Number.POSITIVE_INFINITY;
      comparable = b.select(isNan(b, x), b.like(x, worst), x);
    }
    const extreme = b.reduce(op, comparable, [axis], true);
    const equal = b.compare('EQ', x, extreme);
    const length = x.type.shape[axis];
    const position = b.select(equal, b.iota('i32', x.type.shape, axis), b.constant(length, 'i32'));
    const first = b.reduce('minimum', position, [axis]);
    return b.select(b.compare('LT', first, b.constant(length, 'i32')), first, b.constant(0, 'i32'));
  };
}
for (const [kernel, op] of [
  ['ArgMax', 'maximum'],
  ['ArgMin', 'minimum'],
] as const) {
  const find = argExtreme(op);
  lower(kernel, (b, { x }, attrs) => find(b, x, axesOf(x, attrs)[0]));
}

/**
 * Prefix sums and products by doubling: after step k each element covers its 2^k predecessors, so N elements take
 * log2 N passes, and rounding errors grow with log N instead of N.
 */
function cumulative(op: 'add' | 'multiply', neutral: number) {
  return (b: FunctionBuilder, { x }: Inputs, attrs: Attributes): Value => {
    const axis = util.parseAxisParam(attrs.axis as number, x.type.shape as number[])[0];
    const reverse = attrs.reverse as boolean;
    const length = x.type.shape[axis];
    const fill = b.like(x, neutral);
    const shift = (value: Value, by: number): Value => {
      const low = x.type.shape.map((_, i) => (i === axis ? (reverse ? -by : by) : 0));
      return b.pad(
        value,
        fill,
        low,
        low.map((n) => -n),
      );
    };
    let sum = attrs.exclusive ? shift(x, Math.min(1, length)) : x;
    for (let by = 1; by < length; by *= 2) sum = b.binary(op, sum, shift(sum, by));
    return sum;
  };
}
lower('Cumsum', cumulative('add', 0));
lower('Cumprod', cumulative('multiply', 1));
