import * as tf from '@tensorflow/tfjs';
import { ofOne } from './of-one.js';
import type { Attributes, ElementName, Known, Op, Scope, Want } from './program.js';

const any = ['float32', 'int32', 'bool'] as const;
const size = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

/** An operation that moves elements. */
function movement(
  want: Want,
  attributes: (x: Known, scope: Scope) => Attributes | undefined,
  apply: Op['apply'],
  differentiable: Op['differentiable'] = true,
): Op {
  return ofOne((scope) => scope.operand(want), attributes, apply, differentiable);
}

/** An operation that joins a list of tensors along an axis. */
function joining(change: boolean, join: (args: tf.Tensor[], axis: number) => tf.Tensor): Op {
  return {
    differentiable: true,
    choose: (scope) => {
      const { operands, axis } = list(scope, change);
      return { operands: operands.map(({ ref }) => ref), attrs: { axis } };
    },
    apply: (args, { axis }) => join(args, axis as number),
  };
}

/** Tensors of one shape but for a dimension, to be joined. */
function list(scope: Scope, change: boolean): { operands: Known[]; axis: number } {
  const first = scope.operand({ dtype: any, minRank: change ? 1 : 0, maxRank: 3 });
  const rank = first.shape.length;
  const axis = change ? scope.int(-rank, rank - 1) : scope.int(-rank - 1, rank);
  const more = Array.from({ length: scope.int(0, 3) }, () => {
    if (!change || scope.chance(0.4)) return scope.operand({ dtype: first.dtype, shape: first.shape });
    const shape = [...first.shape];
    shape[(axis + rank) % rank] = scope.int(0, 3);
    return scope.input({ dtype: first.dtype, shape });
  });
  return { operands: [first, ...more], axis };
}

function sizesOf(scope: Scope, length: number): number[] {
  const sizes: number[] = [];
  let left = length;
  while (left > 0) {
    const take = scope.int(1, left);
    sizes.push(take);
    left -= take;
  }
  return sizes;
}

export const shapeOps: Readonly<Record<string, Op>> = {
  reshape: movement(
    { dtype: any },
    ({ shape }, scope) => {
      const n = size(shape);
      if (n === 0) return { shape: scope.shuffle([...shape, 1]).slice(0, 4) };
      const result: number[] = [];
      let left = n;
      while (left > 1 && result.length < 3) {
        const divisors = [1, 2, 3, 4, 5].filter((d) => left % d === 0);
        const d = scope.pick(divisors);
        result.push(d);
        left /= d;
      }
      if (left > 1 || scope.chance(0.3)) result.push(left);
      return { shape: scope.chance(0.3) && result.length > 0 ? withUnknown(scope, result) : result };
    },
    ([x], { shape }) => tf.reshape(x, shape as number[]),
  ),
  transpose: movement(
    { dtype: any },
    ({ shape }, scope) => ({ perm: scope.shuffle(shape.map((_, i) => i)) }),
    ([x], { perm }) => tf.transpose(x, perm as number[]),
  ),
  expandDims: movement(
    { dtype: any, maxRank: 3 },
    ({ shape }, scope) => ({ axis: scope.int(-shape.length - 1, shape.length) }),
    ([x], { axis }) => tf.expandDims(x, axis as number),
  ),
  squeeze: movement(
    { dtype: any },
    () => ({}),
    ([x]) => tf.squeeze(x),
  ),
  broadcastTo: movement(
    { dtype: any, maxRank: 3 },
    ({ shape }, scope) => ({
      shape: [
        ...(scope.chance(0.6) ? [scope.int(1, 3)] : []),
        ...shape.map((n) => (n === 1 ? scope.int(1, 4) : n)),
      ],
    }),
    ([x], { shape }) => tf.broadcastTo(x, shape as number[]),
  ),
  slice: movement(
    { dtype: any, minRank: 1 },
    ({ shape }, scope) => {
      const begin = shape.map((n) => (scope.chance(0.4) ? 0 : scope.int(0, n)));
      return {
        begin,
        size: shape.map((n, i) => (scope.chance(0.4) ? -1 : scope.int(0, n - begin[i]))),
      };
    },
    ([x], attrs) => tf.slice(x, attrs.begin as number[], attrs.size as number[]),
  ),
  stridedSlice: movement(
    { dtype: any, minRank: 1 },
    ({ shape }, scope) => {
      const strides = shape.map(() => scope.pick([1, 1, 2, 3, -1, -2]));
      const ranges = shape.map((n, i) => bounds(scope, n, strides[i] > 0));
      const mask = (): number => (scope.chance(0.7) ? 0 : scope.int(0, 2 ** shape.length - 1));
      return {
        begin: ranges.map(([begin]) => begin),
        end: ranges.map(([, end]) => end),
        strides,
        beginMask: mask(),
        endMask: mask(),
      };
    },
    ([x], attrs) => {
      const { begin, end, strides } = attrs as { begin: number[]; end: number[]; strides: number[] };
      return tf.stridedSlice(x, begin, end, strides, attrs.beginMask as number, attrs.endMask as number);
    },
    // tfjs has no gradient of it.
    false,
  ),
  pad: movement(
    { dtype: ['float32', 'int32'], minRank: 1 },
    ({ shape }, scope) => ({
      paddings: shape.map(() => [scope.int(0, 2), scope.int(0, 2)]),
      value: scope.pick([0, 0, 3, -1]),
    }),
    ([x], { paddings, value }) => tf.pad(x, paddings as [number, number][], value as number),
  ),
  mirrorPad: movement(
    { dtype: ['float32', 'int32'], minRank: 1, nonEmpty: true },
    ({ shape }, scope) => {
      const mode = scope.pick(['reflect', 'symmetric'] as const);
      const most = shape.map((n) => Math.min(2, mode === 'reflect' ? n - 1 : n));
      return { mode, paddings: most.map((n) => [scope.int(0, n), scope.int(0, n)]) };
    },
    ([x], { paddings, mode }) => tf.mirrorPad(x, paddings as [number, number][], mode as 'reflect'),
    // tfjs's gradient drops what the padding repeats; it is a slice, tested by `slice`.
    true,
  ),
  tile: movement(
    { dtype: any, minRank: 1 },
    ({ shape }, scope) => ({ reps: shape.map(() => scope.pick([1, 1, 2, 3])) }),
    ([x], { reps }) => tf.tile(x, reps as number[]),
  ),
  reverse: movement(
    { dtype: any, minRank: 1 },
    ({ shape }, scope) => ({
      axis: scope
        .shuffle(shape.map((_, i) => i))
        .slice(0, scope.int(1, shape.length))
        .map((i) => (scope.chance(0.3) ? i - shape.length : i)),
    }),
    ([x], { axis }) => tf.reverse(x, axis as number[]),
  ),
  // tfjs's gradients of the next two fail when there is one result only.
  split: movement(
    { dtype: any, minRank: 1, nonEmpty: true },
    ({ shape }, scope) => {
      const axis = scope.int(-shape.length, shape.length - 1);
      return { axis, sizes: sizesOf(scope, shape.at(axis < 0 ? axis : axis - shape.length)!) };
    },
    ([x], { axis, sizes }) => tf.split(x, sizes as number[], axis as number),
    (_, { sizes }) => (sizes as number[]).length > 1,
  ),
  unstack: movement(
    { dtype: any, minRank: 1, nonEmpty: true },
    ({ shape }, scope) => ({ axis: scope.int(-shape.length, shape.length - 1) }),
    ([x], { axis }) => tf.unstack(x, axis as number),
    ([x], { axis }) => x.shape.at(axis as number)! > 1,
  ),
  concat: joining(true, (args, axis) => tf.concat(args, axis)),
  stack: joining(false, (args, axis) => tf.stack(args, axis)),
  spaceToBatch: movement(
    { dtype: 'float32', minRank: 3, maxRank: 4, nonEmpty: true },
    ({ shape }, scope) => {
      const blocks = [scope.int(1, 3), scope.int(1, 2)];
      const paddings = blocks.map((block, i) => {
        const before = scope.int(0, 2);
        return [before, (block - ((shape[i + 1] + before) % block)) % block];
      });
      return { blocks, paddings };
    },
    ([x], { blocks, paddings }) => tf.spaceToBatchND(x, blocks as number[], paddings as number[][]),
  ),
  fill: movement(
    { dtype: any },
    ({ shape, dtype }, scope) => ({ shape, value: dtype === 'bool' ? 1 : scope.int(-9, 9), dtype }),
    (_, { shape, value, dtype }) => tf.fill(shape as number[], value as number, dtype as ElementName),
    false,
  ),
};

function withUnknown(scope: Scope, shape: readonly number[]): number[] {
  const at = scope.int(0, shape.length - 1);
  return shape.map((n, i) => (i === at ? -1 : n));
}

/** Where a slice begins and ends, in its direction, now and then counted from the end: tfjs refuses some that go astray. */
function bounds(scope: Scope, n: number, forward: boolean): [number, number] {
  if (n === 0) return [0, 0];
  const fromEnd = (at: number): number => (at < n && scope.chance(0.4) ? at - n : at);
  if (forward) {
    const begin = scope.int(0, n - 1);
    return [fromEnd(begin), fromEnd(scope.int(begin, n))];
  }
  const begin = scope.int(0, n - 1);
  const end = scope.int(-1, begin);
  return [fromEnd(begin), end === -1 ? -n - 1 : fromEnd(end)];
}
