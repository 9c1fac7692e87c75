import * as tf from '@tensorflow/tfjs';
import type { Op, Ref, Scope } from './program.js';

const numeric = ['float32', 'int32'] as const;

/** Positions within the dimensions, as rows of `depth` numbers. Out of range is an error on cpu, so stays inside. */
function positions(scope: Scope, dims: readonly number[], outer: readonly number[]): Ref {
  const count = outer.reduce((product, n) => product * n, 1);
  const columns = dims.map((n) => Array.from({ length: count }, () => scope.int(0, n - 1)));
  return scope.rows(columns, outer).ref;
}

export const gatherOps: Readonly<Record<string, Op>> = {
  gather: {
    // tfjs's gradient takes batch dimensions for others.
    differentiable: (_, { batchDims }) => batchDims === 0,
    choose: (scope) => {
      const x = scope.operand({
        dtype: ['float32', 'int32', 'bool'],
        minRank: 1,
        maxRank: 3,
        nonEmpty: true,
      });
      const rank = x.shape.length;
      const axis = scope.int(0, rank - 1);
      const range = [0, x.shape[axis] - 1] as const;
      const batchDims = axis > 0 && scope.chance(0.3) ? scope.int(0, axis) : 0;
      const shape = [...x.shape.slice(0, batchDims), ...scope.shape(0, 4 - rank)];
      const indices = scope.operand({ dtype: 'int32', shape, range });
      return {
        operands: [x.ref, indices.ref],
        attrs: { axis: batchDims === 0 && scope.chance(0.3) ? axis - rank : axis, batchDims },
      };
    },
    apply: ([x, indices], { axis, batchDims }) =>
      tf.gather(x, indices as tf.Tensor1D, axis as number, batchDims as number),
  },
  gatherND: {
    differentiable: false,
    choose: (scope) => {
      const x = scope.operand({ dtype: numeric, minRank: 1, maxRank: 3, nonEmpty: true });
      const depth = scope.int(1, x.shape.length);
      const indices = positions(scope, x.shape.slice(0, depth), scope.shape(1, 2, false));
      return { operands: [x.ref, indices] };
    },
    apply: ([x, indices]) => tf.gatherND(x, indices),
  },
  scatterND: {
    differentiable: false,
    choose: (scope) => {
      const shape = scope.shape(1, 3, false);
      const depth = scope.int(1, shape.length);
      const count = scope.int(1, 4);
      const updates = scope.operand({ dtype: numeric, shape: [count, ...shape.slice(depth)] });
      return {
        operands: [positions(scope, shape.slice(0, depth), [count]), updates.ref],
        attrs: { shape },
      };
    },
    apply: ([indices, updates], { shape }) => tf.scatterND(indices, updates, shape as number[]),
  },
  tensorScatterUpdate: {
    differentiable: false,
    choose: (scope) => {
      const x = scope.operand({ dtype: numeric, minRank: 1, maxRank: 3, nonEmpty: true });
      // Which of two writes to one place wins is not said: one update only.
      const depth = scope.int(1, x.shape.length);
      const updates = scope.operand({ dtype: x.dtype, shape: [1, ...x.shape.slice(depth)] });
      return { operands: [x.ref, positions(scope, x.shape.slice(0, depth), [1]), updates.ref] };
    },
    // tfjs's cpu kernel writes into its operand: it gets a copy.
    apply: ([x, indices, updates]) => tf.tensorScatterUpdate(x.add(tf.zerosLike(x)), indices, updates),
  },
  unsortedSegmentSum: {
    differentiable: true,
    choose: (scope) => {
      // tfjs's cpu kernel makes floats of integers, and NaN of infinities that belong to other segments.
      const x = scope.operand({ dtype: 'float32', minRank: 1, nonEmpty: true, finite: true });
      const count = scope.int(1, 5);
      // Negative segments are dropped.
      const ids = scope.operand({ dtype: 'int32', shape: x.shape.slice(0, 1), range: [-1, count - 1] });
      return { operands: [x.ref, ids.ref], attrs: { count } };
    },
    apply: ([x, ids], { count }) => tf.unsortedSegmentSum(x, ids as tf.Tensor1D, count as number),
  },
  oneHot: {
    differentiable: false,
    choose: (scope) => {
      const indices = scope.operand({ dtype: 'int32', maxRank: 3 });
      return {
        operands: [indices.ref],
        attrs: {
          depth: scope.int(2, 5),
          on: scope.pick([1, 1, 2]),
          off: scope.pick([0, 0, -1]),
          dtype: scope.pick(['int32', 'float32'] as const),
        },
      };
    },
    apply: ([indices], { depth, on, off, dtype }) =>
      tf.oneHot(indices as tf.Tensor1D, depth as number, on as number, off as number, dtype as 'int32'),
  },
  searchSorted: {
    differentiable: false,
    choose: (scope) => {
      const batch = scope.int(1, 3);
      const sorted = scope.input({
        dtype: 'float32',
        shape: [batch, scope.int(1, 5)],
        sorted: true,
        finite: true,
      });
      const values = scope.operand({ dtype: 'float32', shape: [batch, scope.int(1, 4)], finite: true });
      return { operands: [sorted.ref, values.ref], attrs: { side: scope.pick(['left', 'right'] as const) } };
    },
    apply: ([sorted, values], { side }) => tf.searchSorted(sorted, values, side as 'left'),
  },
};
