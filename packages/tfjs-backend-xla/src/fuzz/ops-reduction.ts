import * as tf from '@tensorflow/tfjs';
import type { Op, Scope, Want } from './program.js';

const numeric = ['float32', 'int32'] as const;

/** Axes, some counted from the end; undefined for all. */
function axesOf(scope: Scope, rank: number): number[] | undefined {
  if (scope.chance(0.3)) return undefined;
  const count = scope.int(rank === 0 ? 0 : 1, rank);
  const axes = scope.shuffle(Array.from({ length: rank }, (_, i) => i)).slice(0, count);
  return axes.map((axis) => (scope.chance(0.3) ? axis - rank : axis));
}

type Reduce = (x: tf.Tensor, axes: number[] | undefined, keepDims: boolean) => tf.Tensor;

function reduction(fn: Reduce, want: Want, differentiable: Op['differentiable'] = true): Op {
  return {
    differentiable,
    choose: (scope) => {
      const x = scope.operand(want);
      return {
        operands: [x.ref],
        attrs: { axes: axesOf(scope, x.shape.length), keepDims: scope.chance(0.3) },
      };
    },
    apply: ([x], { axes, keepDims }) => fn(x, axes as number[] | undefined, keepDims as boolean),
  };
}

function axisOf(scope: Scope, rank: number): number {
  return scope.int(-rank, rank - 1);
}

/** One axis. NaN has no order: what is found among NaN is each backend's own decision (ours is tested elsewhere). */
function position(fn: (x: tf.Tensor, axis: number) => tf.Tensor): Op {
  return {
    differentiable: false,
    choose: (scope) => {
      const x = scope.operand(ordered);
      return { operands: [x.ref], attrs: { axis: axisOf(scope, x.shape.length) } };
    },
    apply: ([x], { axis }) => fn(x, axis as number),
  };
}

/** Numbers among which one is the largest. */
const ordered: Want = {
  dtype: numeric,
  minRank: 1,
  nonEmpty: true,
  each: (value) => !Number.isNaN(value),
};

function prefix(fn: typeof tf.cumsum | typeof tf.cumprod, range?: [number, number]): Op {
  return {
    // tfjs has no gradient of cumprod, and that of cumsum is right along the last axis only.
    differentiable: ([x], { axis }) => fn === tf.cumsum && axis === x.rank - 1,
    choose: (scope) => {
      const x = scope.operand({ dtype: numeric, minRank: 1, range });
      return {
        operands: [x.ref],
        // tfjs's cpu kernel makes a shape of nothing for axes from the end.
        attrs: {
          axis: scope.int(0, x.shape.length - 1),
          exclusive: scope.chance(0.4),
          reverse: scope.chance(0.4),
        },
      };
    },
    apply: ([x], { axis, exclusive, reverse }) =>
      fn(x, axis as number, exclusive as boolean, reverse as boolean),
  };
}

const float: Want = { dtype: 'float32' };

export const reductionOps: Readonly<Record<string, Op>> = {
  sum: reduction(tf.sum, { dtype: ['float32', 'int32', 'bool'] }),
  mean: reduction(tf.mean, { dtype: numeric, nonEmpty: true, range: [-1e6, 1e6] }),
  // A product of many numbers leaves every range.
  prod: reduction(
    tf.prod,
    {
      dtype: numeric,
      fits: ({ values, dtype }) =>
        values.length <= 12 &&
        (dtype !== 'int32' || Array.from(values).every((value) => Math.abs(value) <= 16)),
    },
    // tfjs's gradient takes no axes from the end.
    (_, { axes }) => ((axes as number[] | undefined) ?? []).every((axis) => axis >= 0),
  ),
  max: reduction(tf.max, { dtype: numeric, nonEmpty: true }),
  min: reduction(tf.min, { dtype: numeric, nonEmpty: true }),
  // Of nothing, tfjs's cpu kernel says false.
  all: reduction(tf.all, { dtype: 'bool', nonEmpty: true }, false),
  any: reduction(tf.any, { dtype: 'bool' }, false),
  logSumExp: reduction(tf.logSumExp, { ...float, nonEmpty: true }),
  variance: reduction((x, axes, keep) => tf.moments(x, axes, keep).variance, {
    ...float,
    nonEmpty: true,
  }),
  norm: reduction((x, axes, keep) => tf.norm(x, 'euclidean', axes ?? null!, keep), {
    ...float,
    nonEmpty: true,
    minRank: 1,
    maxRank: 2,
  }),
  argMax: position(tf.argMax),
  argMin: position(tf.argMin),
  cumsum: prefix(tf.cumsum),
  cumprod: prefix(tf.cumprod, [-10, 10]),
  softmax: {
    differentiable: true,
    choose: (scope) => ({ operands: [scope.operand({ ...float, minRank: 1, nonEmpty: true }).ref] }),
    apply: ([x]) => tf.softmax(x),
  },
  logSoftmax: {
    differentiable: true,
    choose: (scope) => ({ operands: [scope.operand({ ...float, minRank: 1, nonEmpty: true }).ref] }),
    apply: ([x]) => tf.logSoftmax(x),
  },
  batchNorm: {
    // tfjs's gradient wants a scale.
    differentiable: (args) => args.length === 5,
    choose: (scope) => {
      const x = scope.operand({ ...float, minRank: 1, nonEmpty: true });
      const shape = x.shape.slice(-1);
      const count = scope.pick([2, 3, 4]);
      const inputs = ['mean', 'variance', 'offset', 'scale']
        .slice(0, count)
        .map((name) => scope.input({ ...float, shape, range: name === 'variance' ? [0, 4] : [-4, 4] }));
      return { operands: [x, ...inputs].map(({ ref }) => ref) };
    },
    apply: ([x, mean, variance, offset, scale]) =>
      tf.batchNorm(
        x as tf.Tensor4D,
        mean as tf.Tensor1D,
        variance as tf.Tensor1D,
        offset as tf.Tensor1D,
        scale as tf.Tensor1D,
      ),
  },
  topk: {
    differentiable: false,
    choose: (scope) => {
      const x = scope.operand(ordered);
      return { operands: [x.ref], attrs: { k: scope.int(1, x.shape.at(-1)!) } };
    },
    apply: ([x], { k }) => {
      const { values, indices } = tf.topk(x, k as number);
      return [values, indices];
    },
  },
  denseBincount: {
    differentiable: false,
    choose: (scope) => {
      const x = scope.operand({ dtype: 'int32', minRank: 1, maxRank: 2, range: [0, 8], nonEmpty: true });
      const weights = scope.chance(0.5)
        ? scope.operand({ ...float, shape: x.shape })
        : scope.input({ ...float, shape: [0] });
      return { operands: [x.ref, weights.ref], attrs: { size: scope.int(1, 9), binary: scope.chance(0.3) } };
    },
    apply: ([x, weights], { size, binary }) =>
      tf.denseBincount(x as tf.Tensor1D, weights as tf.Tensor1D, size as number, binary as boolean),
  },
};
