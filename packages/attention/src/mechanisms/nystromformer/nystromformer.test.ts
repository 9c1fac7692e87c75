import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { expectAsNaive } from '../../testing/against-naive.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { softmaxAttention } from '../softmax/softmax.js';
import { NystromformerAttention } from './layer.js';
import { nystromAttention } from './nystromformer.js';
import { type PseudoInverseStart, pseudoInverse } from './pseudo-inverse.js';
import { segmentMeans } from './segment-means.js';

type Matrix = number[][];

const product = (a: Matrix, b: Matrix): Matrix =>
  a.map((row) => b[0].map((_, j) => row.reduce((sum, x, k) => sum + x * b[k][j], 0)));
const transpose = (a: Matrix): Matrix => a[0].map((_, j) => a.map((row) => row[j]));
const softmaxRows = (a: Matrix, allowed = (_: number): boolean => true): Matrix =>
  a.map((row) => {
    const weights = row.map((x, j) => (allowed(j) ? Math.exp(x) : 0));
    const total = weights.reduce((sum, x) => sum + x, 0);
    return weights.map((x) => x / total);
  });
/** I times a number, minus a matrix. */
const lessThan = (multiple: number, a: Matrix): Matrix =>
  a.map((row, i) => row.map((x, j) => (i === j ? multiple : 0) - x));
const columnSum = (a: Matrix): number => Math.max(...transpose(a).map((c) => c.reduce((s, x) => s + x)));

function naiveInverse(a: Matrix, largest: number): Matrix {
  let z = transpose(a).map((row) => row.map((x) => x / largest));
  for (let i = 0; i < 6; i++) {
    const az = product(a, z);
    z = product(z, lessThan(13, product(az, lessThan(15, product(az, lessThan(7, az))))));
    z = z.map((row) => row.map((x) => x / 4));
  }
  return z;
}

interface Setting {
  heads: number;
  batch: number;
  length: number;
  size: number;
  landmarks: number;
  real: number[];
  taps?: number;
  start: PseudoInverseStart;
}

/** The formula, matrix by matrix, in double precision. */
function naive(setting: Setting, [q, k, v, kernel]: Float64Array[]): Float64Array {
  const { heads, batch, length, size, landmarks, real, taps = 0, start } = setting;
  const cells = Array.from({ length: heads * batch }, (_, cell) => {
    const isReal = (i: number): boolean => i < real[cell % batch];
    const rows = (x: Float64Array, factor: (i: number) => number): Matrix =>
      Array.from({ length }, (_, i) =>
        Array.from({ length: size }, (_, c) => x[(cell * length + i) * size + c] * factor(i)),
      );
    const scale = (i: number): number => (isReal(i) ? size ** -0.25 : 0);
    const [queries, keys] = [rows(q, scale), rows(k, scale)];
    const [values, masked] = [rows(v, () => 1), rows(v, (i) => (isReal(i) ? 1 : 0))];
    const means = (x: Matrix): Matrix => {
      let from = 0;
      return Array.from({ length: landmarks }, (_, s) => {
        const tokens = Math.floor(length / landmarks) + (s < length % landmarks ? 1 : 0);
        const part = x.slice(from, from + tokens);
        from += tokens;
        return part[0].map((_, c) => part.reduce((sum, row) => sum + row[c], 0) / tokens);
      });
    };
    return { isReal, queries, keys, values, masked, means, head: Math.floor(cell / batch) };
  });
  const middles = cells.map(({ queries, keys, means }) =>
    landmarks < length ? softmaxRows(product(means(queries), transpose(means(keys)))) : [[1]],
  );
  const largest = Math.max(...middles.map(columnSum));
  return Float64Array.from(
    cells.flatMap(({ isReal, queries, keys, values, masked, means, head }, cell) => {
      const anyKey = real[cell % batch] > 0;
      const third = (of: Matrix): Matrix =>
        product(
          softmaxRows(product(of, transpose(keys)), (j) => !anyKey || isReal(j)),
          values,
        );
      let output: Matrix;
      if (landmarks >= length) output = third(queries);
      else {
        const inverse = naiveInverse(middles[cell], start === 'batch' ? largest : columnSum(middles[cell]));
        const left = softmaxRows(product(queries, transpose(means(keys))));
        output = product(product(left, inverse), third(means(queries)));
      }
      return output.flatMap((row, i) =>
        row.map((x, c) => {
          let sum = x;
          for (let t = 0; t < taps; t++) {
            const j = i + t - (taps - 1) / 2;
            if (j >= 0 && j < length) sum += kernel[head * taps + t] * masked[j][c];
          }
          return sum;
        }),
      );
    }),
  );
}

describe('nystromAttention', () => {
  const common = { heads: 2, batch: 3, size: 3 };
  test.each<Omit<Setting, 'heads' | 'batch' | 'size'>>([
    { length: 7, landmarks: 3, real: [7, 5, 0], taps: 3, start: 'batch' },
    { length: 8, landmarks: 4, real: [8, 8, 1], start: 'perHead' },
    { length: 5, landmarks: 6, real: [5, 2, 0], taps: 3, start: 'batch' },
    { length: 1, landmarks: 1, real: [1, 1, 1], taps: 5, start: 'batch' },
    { length: 4, landmarks: 1, real: [4, 3, 0], start: 'batch' },
  ])('as the formula, with all gradients: %o', (given) => {
    const setting = { ...common, ...given };
    const { heads, batch, length, size, landmarks, real, taps, start } = setting;
    const mask = tf.tensor2d(real.map((n) => Array.from({ length }, (_, i) => (i < n ? 1 : 0))));
    const inputs = [1, 2, 3].map((seed) => randomTensor([heads, batch, length, size], seed));
    if (taps !== undefined) inputs.push(randomTensor([heads, taps], 4));
    expectAsNaive(
      (q, k, v, kernel) =>
        nystromAttention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D, {
          landmarks,
          mask,
          start,
          ...(kernel && { kernel: kernel as tf.Tensor2D }),
        }),
      (...at) => naive(setting, at),
      inputs,
    );
  });

  test('keeps the order of the tokens when the landmarks do not divide their number', async () => {
    const q = tf.reshape(tf.mul(tf.eye(6), 10), [1, 1, 6, 6]) as tf.Tensor4D;
    const v = tf.tensor4d([0, 1, 2, 3, 4, 5], [1, 1, 6, 1]);
    const full = [...(await nystromAttention(q, q, v, { landmarks: 6 }).data())];
    for (const [i, value] of full.entries()) expect(value).toBeCloseTo(i, 4);
    // Segments of two, two, one and one: the first pairs share a landmark, the others have their own.
    const four = [...(await nystromAttention(q, q, v, { landmarks: 4 }).data())];
    for (const [i, right] of [0.5, 0.5, 2.5, 2.5, 4, 5].entries()) {
      expect(Math.abs(four[i] - right)).toBeLessThan(0.05);
    }
  });

  test('without padding and with enough landmarks, softmax attention', async () => {
    const [q, k, v] = [1, 2, 3].map((seed) => randomTensor([2, 1, 5, 3], seed) as tf.Tensor4D);
    const difference = tf.sub(nystromAttention(q, k, v, { landmarks: 5 }), softmaxAttention(q, k, v).output);
    expect((await tf.max(tf.abs(difference)).data())[0]).toBeLessThan(1e-5);
  });
});

describe('pseudoInverse', () => {
  test('couples the batch as published, and does not when the start is per head', async () => {
    const even = tf.softmax(tf.mul(tf.eye(3), 0.2));
    const uneven = tf.softmax(tf.tensor2d([9, 0, 0, 9, 0, 0, 9, 0, 0], [3, 3]));
    const residual = async (a: tf.Tensor, start: PseudoInverseStart): Promise<number> => {
      const batch = tf.reshape(a, [1, a.size / 9, 3, 3]) as tf.Tensor4D;
      const first = tf.reshape(tf.slice(pseudoInverse(batch, start), 0, [1, 1, 3, 3]), [3, 3]);
      return (await tf.max(tf.abs(tf.sub(tf.matMul(even, first as tf.Tensor2D), tf.eye(3)))).data())[0];
    };
    const both = tf.stack([even, uneven]);
    expect(await residual(even, 'batch')).toBeCloseTo(0.0034, 3);
    expect(await residual(both, 'batch')).toBeCloseTo(0.108, 3);
    expect(await residual(both, 'perHead')).toBeCloseTo(0.0034, 3);
  });
});

describe('segmentMeans', () => {
  test('the first segments take one token more where the number does not divide', async () => {
    const x = tf.tensor4d([1, 2, 3, 4, 5, 6, 7, 8], [1, 1, 8, 1]);
    expect([...(await segmentMeans(x, 3).data())]).toEqual([2, 5, 7.5]);
    expect([...(await segmentMeans(x, 5).data())]).toEqual([1.5, 3.5, 5.5, 7, 8]);
    expect([...(await segmentMeans(x, 4).data())]).toEqual([1.5, 3.5, 5.5, 7.5]);
  });
});

test('NystromformerAttention refuses an even convolution', () => {
  expect(() => new NystromformerAttention({ heads: 1, convolution: 4 })).toThrow(/odd number.*got 4/);
});
