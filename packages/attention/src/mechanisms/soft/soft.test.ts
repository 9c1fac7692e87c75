import { autocast } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { expectAsNaive } from '../../testing/against-naive.js';
import { randomTensor } from '../../testing/random-tensor.js';
import type { Grid } from './grid.js';
import { SoftAttention } from './layer.js';
import { newtonInverse } from './newton-inverse.js';
import { softAttention } from './soft.js';

const [heads, batch, size] = [2, 2, 3];

/** By Gauss and Jordan, with the largest pivot. */
function invert(matrix: number[][]): number[][] {
  const n = matrix.length;
  const rows = matrix.map((row, i) => [...row, ...row.map((_, j) => (i === j ? 1 : 0))]);
  for (let c = 0; c < n; c++) {
    const pivot = rows.reduce(
      (best, row, r) => (r >= c && Math.abs(row[c]) > Math.abs(rows[best][c]) ? r : best),
      c,
    );
    [rows[c], rows[pivot]] = [rows[pivot], rows[c]];
    rows[c] = rows[c].map((x) => x / rows[c][c]);
    for (let r = 0; r < n; r++) {
      const factor = rows[r][c];
      if (r !== c) rows[r] = rows[r].map((x, j) => x - factor * rows[c][j]);
    }
  }
  return rows.map((row) => row.slice(n));
}

/** The error function, by its series. */
function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 200 && Math.abs(term) > 1e-18; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 / Math.sqrt(Math.PI)) * sum;
}

interface Setting {
  grid: Grid;
  /** The grid with what is filled up, of which landmarks are made. */
  filled: Grid;
  patch: Grid;
  taps?: Grid;
  real: (b: number, i: number) => boolean;
}

/** The formula, cell by cell, in double precision and with an exact inverse. */
function naive(
  { grid: [rows, columns], filled, patch, taps, real }: Setting,
  [q, v, kernel, gamma, beta, convolution]: Float64Array[],
): Float64Array {
  const length = rows * columns;
  const output = new Float64Array(q.length);
  for (let cell = 0; cell < heads * batch; cell++) {
    const isReal = (i: number): boolean => real(cell % batch, i);
    const at = (i: number, c: number): number => (cell * length + i) * size + c;
    const query = (i: number): number[] => Array.from({ length: size }, (_, c) => q[at(i, c)] / size ** 0.25);
    const landmarks: number[][] = [];
    for (let down = 0; down + patch[0] <= filled[0]; down += patch[0]) {
      for (let right = 0; right + patch[1] <= filled[1]; right += patch[1]) {
        const mapped = new Array<number>(size).fill(0);
        let any = false;
        for (let s = 0; s < patch[0]; s++) {
          for (let t = 0; t < patch[1]; t++) {
            const i = (down + s) * columns + right + t;
            if (right + t >= columns || !isReal(i)) continue;
            any = true;
            const from = query(i);
            for (let c = 0; c < size; c++) {
              for (let d = 0; d < size; d++) {
                mapped[c] += from[d] * kernel[((s * patch[1] + t) * size + d) * size + c];
              }
            }
          }
        }
        if (!any) continue;
        const mean = mapped.reduce((sum, x) => sum + x) / size;
        const variance = mapped.reduce((sum, x) => sum + (x - mean) ** 2, 0) / size;
        const normed = mapped.map((x, c) => ((x - mean) / Math.sqrt(variance + 1e-5)) * gamma[c] + beta[c]);
        landmarks.push(normed.map((x) => (x / 2) * (1 + erf(x / Math.SQRT2))));
      }
    }
    const gauss = (a: number[], b: number[]): number =>
      Math.exp(-a.reduce((sum, x, c) => sum + (x - b[c]) ** 2, 0) / 2);
    const inverse = invert(
      landmarks.map((a, i) => landmarks.map((b, j) => gauss(a, b) + (i === j ? 0.01 : 0))),
    );
    for (let i = 0; i < length; i++) {
      const left = landmarks.map((l) => gauss(query(i), l));
      for (let j = 0; j < length; j++) {
        if (!isReal(j)) continue;
        const right = landmarks.map((l) => gauss(query(j), l));
        let weight = 0;
        for (const [r, a] of left.entries()) {
          for (const [s, b] of right.entries()) weight += a * inverse[r][s] * b;
        }
        for (let c = 0; c < size; c++) output[at(i, c)] += weight * v[at(j, c)];
      }
      if (taps === undefined) continue;
      for (let s = 0; s < taps[0]; s++) {
        for (let t = 0; t < taps[1]; t++) {
          const row = Math.floor(i / columns) + s - (taps[0] - 1) / 2;
          const column = (i % columns) + t - (taps[1] - 1) / 2;
          if (row < 0 || row >= rows || column < 0 || column >= columns) continue;
          const j = row * columns + column;
          if (!isReal(j)) continue;
          const w = convolution[(Math.floor(cell / batch) * taps[0] + s) * taps[1] + t];
          for (let c = 0; c < size; c++) output[at(i, c)] += w * v[at(j, c)];
        }
      }
    }
  }
  return output;
}

const all = (): boolean => true;

describe('softAttention', () => {
  test.each<[string, Setting]>([
    ['a grid with a rest', { grid: [5, 3], filled: [5, 3], patch: [2, 2], taps: [3, 3], real: all }],
    [
      'a grid with a mask',
      { grid: [4, 4], filled: [4, 4], patch: [2, 2], real: (b, i) => b === 0 && i % 4 < 2 },
    ],
    ['a sequence', { grid: [1, 7], filled: [1, 9], patch: [1, 3], taps: [1, 5], real: all }],
    [
      'a padded sequence',
      { grid: [1, 8], filled: [1, 9], patch: [1, 3], taps: [1, 3], real: (b, i) => i < [8, 4][b] },
    ],
    ['one token', { grid: [1, 1], filled: [1, 2], patch: [1, 2], real: all }],
  ])('as the formula, with all gradients: %s', (_name, setting) => {
    const { grid, patch, taps, real } = setting;
    const length = grid[0] * grid[1];
    const mask = tf.tensor2d(
      Array.from({ length: batch }, (_, b) => Array.from({ length }, (_, i) => (real(b, i) ? 1 : 0))),
    );
    const inputs = [
      randomTensor([heads, batch, length, size], 1),
      randomTensor([heads, batch, length, size], 2),
      tf.mul(randomTensor([...patch, size, size], 3), 0.5),
      tf.add(tf.mul(randomTensor([size], 4), 0.2), 1),
      tf.mul(randomTensor([size], 5), 0.2),
      ...(taps === undefined ? [] : [randomTensor([heads, ...taps], 6)]),
    ];
    expectAsNaive(
      (q, v, kernel, gamma, beta, convolution) =>
        softAttention(
          q as tf.Tensor4D,
          v as tf.Tensor4D,
          { kernel: kernel as tf.Tensor4D, gamma: gamma as tf.Tensor1D, beta: beta as tf.Tensor1D },
          {
            ...(grid[0] > 1 && { grid }),
            ...(real !== all && { mask }),
            ...(convolution && { convolution: convolution as tf.Tensor3D }),
          },
        ).output,
      (...at) => naive(setting, at),
      inputs,
      // The inverse multiplies rounding by its condition number, up to some hundreds.
      { tolerance: 5e-4 },
    );
  });

  test('padding at the end gives what the shorter sequence gives', async () => {
    const layer = new SoftAttention({ heads: 2, ratio: 3, convolution: 3 });
    const x = randomTensor([1, 7, 6], 1) as tf.Tensor3D;
    const short = layer.apply(x) as tf.Tensor;
    const padded = tf.concat([x, randomTensor([1, 9, 6], 2)], 1);
    const mask = tf.tensor2d([Array.from({ length: 16 }, (_, i) => (i < 7 ? 1 : 0))]);
    const long = tf.slice(layer.apply([padded, mask]) as tf.Tensor, 0, [1, 7, 6]);
    expect((await tf.max(tf.abs(tf.sub(short, long))).data())[0]).toBeLessThan(1e-5);
  });

  test('keeps its accuracy inside autocast', async () => {
    const layer = new SoftAttention({ heads: 2, ratio: 3 });
    const x = randomTensor([2, 13, 6], 1);
    const low = autocast('bf16', () => layer.apply(x) as tf.Tensor);
    const difference = tf.max(tf.abs(tf.sub(low, layer.apply(x) as tf.Tensor)));
    // The linear maps are in bf16; the kernels and the inverse would make it ten times as much.
    expect((await difference.data())[0]).toBeLessThan(0.05);
  });

  test('refuses a grid that does not fit, with its numbers', () => {
    const layer = new SoftAttention({ heads: 1, ratio: 2, grid: [3, 4] });
    expect(() => layer.apply(tf.zeros([1, 10, 2]))).toThrow(/3 x 4 has 12 tokens, got 10/);
    const small = new SoftAttention({ heads: 1, ratio: 4, grid: [3, 5] });
    expect(() => small.apply(tf.zeros([1, 15, 2]))).toThrow(/3 x 5 has no whole patch of 4 x 4; .*4 rows/);
    expect(() => new SoftAttention({ heads: 1, convolution: 2 })).toThrow(/odd number.*got 2/);
  });

  test('a layer with a grid is made again from its configuration', () => {
    const layer = new SoftAttention({ heads: 1, grid: [3, 4], ratio: 2, convolution: 3 });
    expect(new SoftAttention(layer.getConfig() as never).getConfig()).toEqual(layer.getConfig());
    expect((layer.apply(tf.ones([2, 12, 4])) as tf.Tensor).shape).toEqual([2, 12, 4]);
  });
});

test('newtonInverse: each sample by itself, whatever its neighbours are', async () => {
  const near = tf.exp(tf.neg(tf.tensor2d([0, 0.5, 2, 0.5, 0, 0.5, 2, 0.5, 0], [3, 3])));
  const pair = tf.reshape(tf.stack([near, tf.ones([3, 3])]), [1, 2, 3, 3]) as tf.Tensor4D;
  const inverse = newtonInverse(pair, 20);
  const p = tf.add(near, tf.mul(tf.eye(3), 0.01)) as tf.Tensor2D;
  const first = tf.reshape(tf.slice(inverse, 0, [1, 1, 3, 3]), [3, 3]) as tf.Tensor2D;
  expect((await tf.max(tf.abs(tf.sub(tf.matMul(p, first), tf.eye(3)))).data())[0]).toBeLessThan(1e-4);
  expect((await inverse.data()).every(Number.isFinite)).toBe(true);
});
