import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { expectAsNaive, type Naive } from '../../testing/against-naive.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { longformerAttention } from './longformer.js';

const [heads, batch, size] = [2, 3, 2];

interface Setting {
  length: number;
  window: number;
  globals: number;
  /** Global tokens have the window's projections. */
  shared?: boolean;
  /** [B, N]. */
  mask: number[][];
}

/** The formula, one pair of tokens after the other. */
function naive({ length, window, globals, mask }: Setting): Naive {
  return (q, k, v, globalQ = q, globalK = k, globalV = v) => {
    const output = new Float64Array(q.length);
    for (let row = 0; row < heads * batch * length; row++) {
      const [sample, i] = [Math.floor(row / length) % batch, row % length];
      if (mask[sample][i] === 0) continue;
      const isGlobal = i < globals;
      const [queries, keys, values] = isGlobal ? [globalQ, globalK, globalV] : [q, k, v];
      const weights = Array.from({ length }, (_, j) => {
        const seen = isGlobal || j < globals || Math.abs(i - j) <= window / 2;
        if (!seen || mask[sample][j] === 0) return 0;
        let score = 0;
        for (let f = 0; f < size; f++) score += queries[row * size + f] * keys[(row - i + j) * size + f];
        return Math.exp(score / Math.sqrt(size));
      });
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      for (const [j, weight] of weights.entries()) {
        for (let f = 0; f < size; f++)
          output[row * size + f] += (weight / total) * values[(row - i + j) * size + f];
      }
    }
    return output;
  };
}

const all = (length: number): number[][] => Array.from({ length: batch }, () => new Array(length).fill(1));
const some = [
  [1, 1, 1, 1, 1, 1, 1],
  [0, 0, 0, 0, 0, 0, 0],
  [0, 1, 1, 0, 0, 1, 0],
];

const settings: [string, Setting][] = [
  ['a window', { length: 7, window: 4, globals: 0, mask: all(7) }],
  ['a window and a mask', { length: 7, window: 4, globals: 0, mask: some }],
  ['global tokens and a mask', { length: 7, window: 2, globals: 2, mask: some }],
  ['only global tokens', { length: 3, window: 2, globals: 5, shared: true, mask: all(3) }],
  ['a window wider than the sequence', { length: 3, window: 8, globals: 1, mask: all(3) }],
  ['one token', { length: 1, window: 2, globals: 0, mask: all(1) }],
];

describe('longformerAttention', () => {
  test.each(settings)('is the formula: %s', (_name, setting) => {
    const { length, window, globals } = setting;
    const shape = [heads, batch, length, size];
    const mask = setting.mask.flat().includes(0) ? tf.tensor2d(setting.mask) : undefined;
    const of = globals > 0 && setting.shared !== true ? [1, 2, 3, 4, 5, 6] : [1, 2, 3];
    expectAsNaive(
      (...at) => {
        const [q, k, v, globalQ, globalK, globalV] = at as tf.Tensor4D[];
        const projections = globalQ && { q: globalQ, k: globalK, v: globalV };
        const global = globals > 0 ? { count: globals, projections } : undefined;
        return longformerAttention(q, k, v, { window, mask, global });
      },
      naive(setting),
      of.map((seed) => randomTensor(shape, seed)),
    );
  });

  test('length 10 and window 4 keep the order of the tokens', () => {
    const q = tf.zeros([1, 1, 10, 1]) as tf.Tensor4D;
    const v = tf.reshape(tf.range(0, 10), [1, 1, 10, 1]) as tf.Tensor4D;
    // Equal scores: the mean of what the window holds.
    const expected = [1, 1.5, 2, 3, 4, 5, 6, 7, 7.5, 8];
    const output = longformerAttention(q, q, v, { window: 4 }).dataSync();
    for (const [i, value] of expected.entries()) expect(output[i]).toBeCloseTo(value, 5);
  });

  test('weights are changed before they meet the values: half of them is half the output', () => {
    const [q, k, v] = [1, 2, 3].map((seed) => randomTensor([1, 1, 5, 2], seed)) as tf.Tensor4D[];
    const options = { window: 2, global: { count: 1 } };
    const whole = longformerAttention(q, k, v, options).dataSync();
    const half = longformerAttention(q, k, v, {
      ...options,
      transformWeights: (w) => tf.mul(w, 0.5),
    }).dataSync();
    for (const [i, value] of whole.entries()) expect(half[i]).toBeCloseTo(value / 2, 6);
  });

  test('shapes and options that do not fit are named', () => {
    const q = tf.ones([1, 2, 3, 4]) as tf.Tensor4D;
    expect(() => longformerAttention(q, q, q, { window: 3 })).toThrow(/window.*even.*3/);
    expect(() => longformerAttention(q, q, q, { window: 2, mask: tf.ones([2, 4]) })).toThrow(/mask/);
    expect(() => longformerAttention(q, q, q, { window: 2, global: { count: 0 } })).toThrow(/count/);
  });
});
