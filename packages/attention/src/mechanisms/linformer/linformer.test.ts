import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { layerWeights } from '../../layer.js';
import { expectAsNaive } from '../../testing/against-naive.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { LinformerAttention } from './layer.js';
import { linformerAttention } from './linformer.js';

/** The formula in loops; arrays [H, B, N, p], E [H, r, L]. */
function naive(
  [heads, batch, length, size, rank, longest]: number[],
  [q, k, v, e]: Float64Array[],
  mask: (b: number, j: number) => number,
): Float64Array {
  const output = new Float64Array(q.length);
  for (let h = 0; h < heads; h++) {
    for (let b = 0; b < batch; b++) {
      const at = (i: number, c: number): number => ((h * batch + b) * length + i) * size + c;
      const project = (x: Float64Array, r: number, c: number): number => {
        let sum = 0;
        for (let j = 0; j < length; j++) sum += e[(h * rank + r) * longest + j] * x[at(j, c)] * mask(b, j);
        return sum;
      };
      for (let i = 0; i < length; i++) {
        let total = 0;
        for (let r = 0; r < rank; r++) {
          let score = 0;
          for (let c = 0; c < size; c++) score += q[at(i, c)] * project(k, r, c);
          const weight = Math.exp(score / Math.sqrt(size));
          total += weight;
          for (let c = 0; c < size; c++) output[at(i, c)] += weight * project(v, r, c);
        }
        for (let c = 0; c < size; c++) output[at(i, c)] /= total;
      }
    }
  }
  return output;
}

describe('linformerAttention', () => {
  test.each([
    [7, 7],
    [7, 11],
    [1, 3],
  ])('as the formula, with all gradients: length %i, E for %i', (length, longest) => {
    const [heads, batch, size, rank] = [2, 3, 4, 5];
    const lengths = [length, 1, 0];
    const mask = tf.tensor2d(lengths.map((real) => Array.from({ length }, (_, i) => (i < real ? 1 : 0))));
    const inputs = [1, 2, 3].map((seed) => randomTensor([heads, batch, length, size], seed));
    expectAsNaive(
      (q, k, v, e) =>
        linformerAttention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D, e as tf.Tensor3D, { mask }),
      (...at) => naive([heads, batch, length, size, rank, longest], at, (b, j) => (j < lengths[b] ? 1 : 0)),
      [...inputs, randomTensor([heads, rank, longest], 4)],
    );
  });

  test('a sequence shorter than E takes its first columns', async () => {
    // With a single slot the softmax is 1, and the output is what E makes of the values.
    const e = tf.tensor3d(
      Array.from({ length: 32 }, (_, i) => (i + 1) / 32),
      [1, 4, 8],
    );
    const v = tf.tensor4d([0, 1, 2, 3, 4], [1, 1, 5, 1]);
    const projected: number[] = [];
    for (let r = 0; r < 4; r++) {
      const row = tf.slice(e, [0, r, 0], [1, 1, 8]);
      const output = linformerAttention(tf.zeros([1, 1, 1, 1]), v, v, row);
      projected.push((await output.data())[0]);
    }
    expect(projected).toEqual([1.25, 3.75, 6.25, 8.75]);
  });

  test('a longer one is refused with both lengths', () => {
    const x = tf.zeros([1, 1, 9, 2]) as tf.Tensor4D;
    expect(() => linformerAttention(x, x, x, tf.zeros([1, 4, 8]))).toThrow(/at most 8 tokens, got 9/);
  });

  test('padding at the end gives what the shorter sequence gives', async () => {
    const layer = new LinformerAttention({ heads: 2, maxLength: 12, rank: 5 });
    const x = randomTensor([1, 7, 6], 1) as tf.Tensor3D;
    const short = layer.apply(x) as tf.Tensor;
    const padded = tf.concat([x, randomTensor([1, 4, 6], 2)], 1);
    const mask = tf.tensor2d([[1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0]]);
    const long = tf.slice(layer.apply([padded, mask]) as tf.Tensor, 0, [1, 7, 6]);
    expect((await tf.max(tf.abs(tf.sub(short, long))).data())[0]).toBeLessThan(1e-6);
  });
});

describe('LinformerAttention', () => {
  test('takes E from another layer on demand', async () => {
    const config = { heads: 2, maxLength: 6, rank: 3 };
    const first = new LinformerAttention(config);
    const second = new LinformerAttention({ ...config, projectionOf: first });
    const x = tf.variable(randomTensor([1, 6, 4], 1));
    expect(() => second.apply(x)).toThrow(/no E before it is built/);
    first.apply(x);
    const before = second.apply(x) as tf.Tensor;
    expect([...layerWeights(second).keys()]).not.toContain('projection');
    const e = layerWeights(first).get('projection') as tf.Variable;
    const gradient = tf.variableGrads(() => tf.sum(tf.square(second.apply(x) as tf.Tensor)), [e]).grads;
    expect((await tf.max(tf.abs(gradient[e.name])).data())[0]).toBeGreaterThan(0);
    e.assign(tf.ones(e.shape));
    const after = second.apply(x) as tf.Tensor;
    expect((await tf.max(tf.abs(tf.sub(before, after))).data())[0]).toBeGreaterThan(1e-3);
    expect(() => second.getConfig()).toThrow(/takes E from layer/);
    expect(() => new LinformerAttention({ ...config, rank: 4, projectionOf: first })).toThrow(
      /rank 4 must be that of the layer whose E it takes, 3/,
    );
  });
});
