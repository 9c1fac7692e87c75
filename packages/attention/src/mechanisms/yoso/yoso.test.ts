import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { expectAsNaive, type Naive } from '../../testing/against-naive.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { yosoAttention } from './yoso.js';

const [heads, batch, size] = [2, 3, 4];
const codeLength = 5;

interface Setting {
  length: number;
  /** [B, N]. */
  mask: number[][];
}

const norm = (row: Float64Array): number => Math.max(Math.hypot(...row), 1e-12);
const dot = (a: Float64Array, b: Float64Array): number => a.reduce((sum, x, i) => sum + x * b[i], 0);
const rowOf = (x: Float64Array, row: number): Float64Array => x.subarray(row * size, (row + 1) * size);

/** The formula, one pair of tokens after the other. */
function naive({ length, mask }: Setting): Naive {
  return (q, k, v) => {
    const output = new Float64Array(q.length);
    for (let row = 0; row < heads * batch * length; row++) {
      const [sample, i] = [Math.floor(row / length) % batch, row % length];
      const sums = new Float64Array(size);
      for (let j = 0; j < length; j++) {
        const other = row - i + j;
        const [a, b] = [rowOf(q, row), rowOf(k, other)];
        const cosine = dot(a, b) / norm(a) / norm(b);
        const weight =
          (1 - Math.acos(Math.min(1, Math.max(-1, cosine))) / Math.PI) ** codeLength *
          mask[sample][i] *
          mask[sample][j];
        for (let f = 0; f < size; f++) sums[f] += weight * v[other * size + f];
      }
      const length2 = norm(sums);
      for (let f = 0; f < size; f++) output[row * size + f] = sums[f] / length2;
    }
    return output;
  };
}

const settings: [string, Setting][] = [
  [
    'five tokens, one sample padded',
    {
      length: 5,
      mask: [
        [1, 1, 1, 1, 1],
        [0, 0, 0, 0, 0],
        [1, 0, 1, 1, 0],
      ],
    },
  ],
  ['one token', { length: 1, mask: [[1], [1], [1]] }],
];

describe('yosoAttention', () => {
  test.each(settings)('is the formula, with its derivative: %s', (_name, setting) => {
    const shape = [heads, batch, setting.length, size];
    const mask = tf.tensor2d(setting.mask);
    expectAsNaive(
      (q, k, v) =>
        yosoAttention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D, {
          codeLength,
          mask,
          gradient: 'exact',
        }),
      naive(setting),
      [1, 2, 3].map((seed) => randomTensor(shape, seed)),
    );
  });

  test('equal and opposite tokens give finite outputs and gradients', () => {
    const row = [3, -1, 2, 0.7];
    const q = tf.tensor4d([...row, ...row, ...row.map((x) => -x), 0, 0, 0, 0], [1, 1, 4, 4]);
    for (const gradient of ['surrogate', 'exact'] as const) {
      const attend = (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor): tf.Tensor =>
        yosoAttention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D, { gradient });
      const gradients = tf.grads((q, k, v) => tf.sum(tf.square(tf.add(attend(q, k, v), 1))))([q, q, q]);
      for (const tensor of [attend(q, q, q), ...gradients])
        expect([...tensor.dataSync()].every(Number.isFinite)).toBe(true);
    }
  });

  test('shapes and options that do not fit are named', () => {
    const q = tf.ones([1, 2, 3, 4]) as tf.Tensor4D;
    expect(() => yosoAttention(q, q, q, { mask: tf.ones([2, 4]) })).toThrow(/yosoAttention: .*mask/);
    expect(() => yosoAttention(q, q, q, { codeLength: 1.5 })).toThrow(/codeLength.*1\.5/);
    expect(() => yosoAttention(q, q, q, { gradient: 'true' as 'exact' })).toThrow(/gradient.*'surrogate'/);
  });
});
