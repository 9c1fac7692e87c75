import { withMatmulPrecision } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import type { NaiveInputs } from './naive-kernel.js';
import { randomTensor } from './random-tensor.js';

/** Sizes of a comparison, each its own number so that no two axes can be taken for each other. */
export interface QkvSizes {
  heads: number;
  batch: number;
  queries: number;
  keys: number;
  size: number;
  valueSize: number;
}

type Attend = (q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D) => tf.Tensor4D;

/**
 * Compares a mechanism with its loops in double precision: the output, and the gradients of sum(w output) in queries, keys
 * and values, which the loops give by central differences.
 *
 * @param mask 1 for real keys, [batch][keys]
 * @param tolerance of the output relative to the largest value of a head and sample; of gradients at least 1e-4 (0.01 counts as
 *   the least largest value, since gradients that are zero in exact arithmetic are differences of numbers near 1)
 */
export async function expectNaive(
  attend: Attend,
  naive: (inputs: NaiveInputs) => number[][],
  sizes: QkvSizes,
  mask?: readonly (readonly number[])[],
  tolerance = 1e-5,
): Promise<void> {
  const { heads, batch, queries, keys, size, valueSize } = sizes;
  const shapes = [
    [heads, batch, queries, size],
    [heads, batch, keys, size],
    [heads, batch, keys, valueSize],
  ];
  const tensors = shapes.map((shape, i) => randomTensor(shape, i + 1));
  const w = randomTensor([heads, batch, queries, valueSize], 9);
  const outputs: tf.Tensor[] = [];
  const { value, grads } = withMatmulPrecision('float32', () =>
    tf.valueAndGrads((...given) => {
      const [q, k, v] = given as tf.Tensor4D[];
      outputs.push(tf.keep(attend(q, k, v))); // a second call would be a second program to compile
      return tf.sum(tf.mul(outputs[0], w)) as tf.Scalar;
    })(tensors),
  );
  const [output] = outputs;
  expect(output.shape).toEqual(w.shape);

  const read = (tensor: tf.Tensor): Promise<number[][][][]> => tensor.array() as Promise<number[][][][]>;
  const [q, k, v, weights, computed, ...gradients] = await Promise.all(
    [...tensors, w, output, ...grads].map(read),
  );
  let loss = 0;
  for (let h = 0; h < heads; h++) {
    for (let b = 0; b < batch; b++) {
      const inputs = { q: q[h][b], k: k[h][b], v: v[h][b], real: mask?.[b].map((x) => x === 1) };
      const outputs = naive(inputs);
      expectRows('output', computed[h][b], outputs, tolerance);
      const lossOf = (): number => weightedSum(naive(inputs), weights[h][b]);
      loss += lossOf();
      for (const [i, rows] of [inputs.q, inputs.k, inputs.v].entries()) {
        const right = rows.map((row) => row.map((_, c) => derivative(lossOf, row, c)));
        expectRows(`gradient of ${'qkv'[i]}`, gradients[i][h][b], right, Math.max(tolerance, 1e-4));
      }
    }
  }
  expect(Math.abs((await value.data())[0] - loss)).toBeLessThanOrEqual(
    tolerance * 10 * Math.max(1, Math.abs(loss)),
  );
}

/** By central differences; the entry is put back. */
function derivative(loss: () => number, row: number[], at: number, step = 1e-5): number {
  const kept = row[at];
  row[at] = kept + step;
  const above = loss();
  row[at] = kept - step;
  const below = loss();
  row[at] = kept;
  return (above - below) / (2 * step);
}

function weightedSum(rows: readonly number[][], weights: readonly number[][]): number {
  return rows.reduce((sum, row, i) => row.reduce((s, x, c) => s + x * weights[i][c], sum), 0);
}

function expectRows(what: string, actual: number[][], right: number[][], tolerance: number): void {
  const scale = Math.max(1e-2, ...right.flat().map(Math.abs));
  for (const [i, row] of right.entries()) {
    for (const [c, x] of row.entries()) {
      expect(Math.abs(actual[i][c] - x) / scale, `${what} [${i}][${c}]`).toBeLessThanOrEqual(tolerance);
    }
  }
}
