import * as tf from '@tensorflow/tfjs';
import type { Op, Scope } from './program.js';

const float = { dtype: 'float32' } as const;

/** A factor may be an input of any values that keep products in range. */
const factor = { ...float, range: [-1e4, 1e4] } as const;

const equations = [
  'ij,jk->ik',
  'ij,kj->ki',
  'bij,bjk->bik',
  'bij,bjk->ibk',
  'ij->ji',
  'ij->j',
  'ij->',
  'i,i->',
  'i,j->ji',
  'bij,bij->b',
  'bij,jk->bki',
  'bhi,bhj->hij',
] as const;

function matMul(scope: Scope): ReturnType<Op['choose']> {
  const transposeA = scope.chance(0.4);
  const transposeB = scope.chance(0.4);
  const a = scope.operand({ ...factor, minRank: 2, nonEmpty: true });
  const inner = a.shape.at(transposeA ? -2 : -1)!;
  const columns = scope.int(1, 4);
  // tfjs's cpu kernel pairs the wrong matrices when an inner batch dimension is broadcast: batches are equal, or one
  // side has none.
  const batch = scope.chance(0.5) ? a.shape.slice(0, -2) : [];
  const b = scope.operand({
    ...factor,
    shape: [...batch, ...(transposeB ? [columns, inner] : [inner, columns])],
  });
  return { operands: [a.ref, b.ref], attrs: { transposeA, transposeB } };
}

export const linearOps: Readonly<Record<string, Op>> = {
  matMul: {
    // tfjs's gradient has the wrong shape where one side is broadcast.
    differentiable: ([a, b]) => a.rank === b.rank,
    choose: matMul,
    apply: ([a, b], { transposeA, transposeB }) =>
      tf.matMul(a, b, transposeA as boolean, transposeB as boolean),
  },
  fusedMatMul: {
    differentiable: true,
    choose: (scope) => {
      const a = scope.operand({ ...factor, minRank: 2, maxRank: 2, nonEmpty: true });
      const columns = scope.int(1, 4);
      const b = scope.operand({ ...factor, shape: [a.shape[1], columns] });
      const bias = scope.operand({ ...factor, shape: [columns] });
      // In tfjs only some fused activations have a gradient.
      return {
        operands: [a.ref, b.ref, bias.ref],
        attrs: {
          activation: scope.pick(['linear', 'relu', 'relu6', 'elu', 'sigmoid', 'leakyrelu'] as const),
        },
      };
    },
    apply: ([a, b, bias], { activation }) =>
      tf.fused.matMul({ a, b, bias, activation: activation as 'linear', leakyreluAlpha: 0.3 }),
  },
  dot: {
    differentiable: true,
    choose: (scope) => {
      const a = scope.operand({ ...factor, minRank: 1, maxRank: 2, nonEmpty: true });
      const b = scope.operand({ ...factor, shape: [a.shape.at(-1)!] });
      return { operands: [a.ref, b.ref] };
    },
    apply: ([a, b]) => tf.dot(a, b),
  },
  einsum: {
    differentiable: false,
    choose: (scope) => {
      const equation = scope.pick(equations);
      const sizes = new Map<string, number>();
      const operands = equation
        .split('->')[0]
        .split(',')
        .map((indices) => {
          const free = [...indices].every((index) => !sizes.has(index));
          const x = free
            ? scope.operand({ ...factor, minRank: indices.length, maxRank: indices.length, nonEmpty: true })
            : scope.operand({
                ...factor,
                shape: [...indices].map((index) => sizes.get(index) ?? scope.int(1, 4)),
              });
          for (const [i, index] of [...indices].entries()) sizes.set(index, x.shape[i]);
          return x.ref;
        });
      return { operands, attrs: { equation } };
    },
    apply: (args, { equation }) => tf.einsum(equation as string, ...args),
  },
};
