import { costOf, jit } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { combineScores, primalScores } from './mechanisms/primal/primal.js';
import { softmaxAttention } from './mechanisms/softmax/softmax.js';

const [heads, batch, size, rank, landmarks] = [2, 3, 8, 4, 6];
const ones = (...shape: number[]): tf.Tensor => tf.ones(shape);

// Section 4: time O(N p s) per head for Primal attention, O(N^2 p) for softmax attention.
describe.runIf(tf.getBackend() === 'xla')('operations of', () => {
  test('Primal scores: 4 N p s per head and sample, and 4 n p s for the projections', () => {
    const scores = jit(primalScores);
    const flops = (length: number): number => {
      const x = ones(heads, batch, length, size) as tf.Tensor4D;
      const weights = ones(heads, landmarks, rank) as tf.Tensor3D;
      return costOf(scores, x, x, ones(heads, batch, landmarks, size) as tf.Tensor4D, weights, weights).flops;
    };
    for (const length of [5, 10, 40]) {
      expect(flops(length)).toBe(heads * batch * 4 * size * rank * (length + landmarks));
    }
  });

  test('the output map: 4 s p and two additions of p per row', () => {
    const length = 10;
    const combine = jit(combineScores);
    const e = ones(heads, batch, length, rank) as tf.Tensor4D;
    const { flops } = costOf(combine, e, e, ones(2 * rank, size) as tf.Tensor2D, ones(size) as tf.Tensor1D);
    expect(flops).toBe(heads * batch * length * (4 * rank * size + 2 * size));
  });

  test('softmax attention: 4 N^2 p for the products, quadratic in N', () => {
    const attend = jit((q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D) => softmaxAttention(q, k, v).output);
    for (const length of [5, 10, 40]) {
      const x = ones(heads, batch, length, size) as tf.Tensor4D;
      const { flops, transcendentals } = costOf(attend, x, x, x);
      // Scaled queries; a row of softmax: N - 1 maxima, N differences, N - 1 additions, N divisions.
      const perRow = size + 4 * length * size + 4 * length - 2;
      expect(flops).toBe(heads * batch * length * perRow);
      expect(transcendentals).toBe(heads * batch * length * length);
    }
  });
});
