import { costOf, jit, randomKey, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { randomTensor } from '../../testing/random-tensor.js';
import { DataIndependentPrimalAttention } from '../data-independent-primal/layer.js';
import { CausalPrimalAttention, type CausalPrimalAttentionConfig } from './layer.js';
import { prefixMean } from './prefix-mean.js';

const [batch, size] = [2, 3];

/** By the formula, in double precision. */
function naive(x: ArrayLike<number>, length: number, mask: (b: number, t: number) => number): number[] {
  const means: number[] = [];
  for (let b = 0; b < batch; b++) {
    for (let t = 0; t < length; t++) {
      for (let c = 0; c < size; c++) {
        let [sum, count] = [0, 0];
        for (let u = 0; u <= t; u++) {
          sum += mask(b, u) * x[(b * length + u) * size + c];
          count += mask(b, u);
        }
        means.push(sum / Math.max(count, 1));
      }
    }
  }
  return means;
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i] - b[i]));
  return most;
}

describe('prefixMean', () => {
  // One chunk, its end, and just after; several chunks.
  test.each([1, 5, 64, 65, 150])('is the mean of each token and those before it, N = %i', async (length) => {
    const x = randomTensor([batch, length, size], length) as tf.Tensor3D;
    const isReal = (b: number, t: number): number => Number((t + b) % 3 !== 0);
    const bits = Array.from({ length: batch * length }, (_, i) => isReal(Math.floor(i / length), i % length));
    const mask = tf.tensor2d(bits, [batch, length]);
    const values = await x.data();
    for (const [given, real] of [
      [undefined, () => 1],
      [mask, isReal],
    ] as const) {
      const right = naive(values, length, real);
      expect(largestDifference(await prefixMean(x, given).data(), right)).toBeLessThan(2e-6);
      // Linear in x, so that <w, f(x)> = <f'(w), x> holds for its gradient f'.
      const w = randomTensor([batch, length, size], 7);
      const gradient = tf.grad((z) => tf.sum(tf.mul(prefixMean(z as tf.Tensor3D, given), w)))(x);
      const [g, ws] = await Promise.all([gradient.data(), w.data()]);
      const unit = new Float64Array(values.length);
      for (const at of [0, Math.floor(values.length / 2), values.length - 1]) {
        unit.fill(0)[at] = 1;
        const expected = naive(unit, length, real).reduce((sum, value, i) => sum + value * ws[i], 0);
        expect(Math.abs(g[at] - expected)).toBeLessThan(1e-5);
      }
    }
  });

  test('tokens change nothing before them, across chunks and by rounding neither', async () => {
    const x = randomTensor([1, 150, size], 1) as tf.Tensor3D;
    const later = tf.tensor3d(
      Float32Array.from({ length: 150 * size }, (_, i) => (i >= 100 * size ? 1e3 : 0)),
      [1, 150, size],
    );
    const [a, b] = await Promise.all([x, tf.add(x, later) as tf.Tensor3D].map((z) => prefixMean(z).data()));
    expect(largestDifference(a.slice(0, 100 * size), b.slice(0, 100 * size))).toBe(0);
    expect(Math.abs(a[100 * size] - b[100 * size])).toBeGreaterThan(1);
  });

  test('equal tokens keep their value, over thousands of them', async () => {
    const means = await prefixMean(tf.fill([1, 8192, 1], 0.1) as tf.Tensor3D).data();
    expect(means.every((value) => Math.abs(value - 0.1) < 1e-6)).toBe(true);
  });

  test('a mask of another length is refused', () => {
    expect(() => prefixMean(tf.zeros([2, 5, 3]), tf.ones([2, 4]))).toThrow(
      /prefixMean: the shape of mask does not fit/,
    );
  });

  test.runIf(tf.getBackend() === 'xla')('memory grows with N', () => {
    const temporary = (length: number): number => {
      const x = tf.ones([1, length, 32]) as tf.Tensor3D;
      const gradient = jit((z: tf.Tensor3D) =>
        tf.grad((given) => tf.sum(tf.square(prefixMean(given as tf.Tensor3D))))(z),
      );
      return costOf(gradient, x).memory.temporary;
    };
    expect(temporary(4096)).toBeLessThan(6 * 4 * 4096 * 32);
  });
});

describe('the layer', () => {
  const config: CausalPrimalAttentionConfig = { name: 'causal', heads: 2, rank: 3, seed: 1 };
  const x = randomTensor([2, 9, 8], 2);

  test('the first token is that of the data-independent layer with the same weights', async () => {
    const layers = [CausalPrimalAttention, DataIndependentPrimalAttention].map((Layer) => new Layer(config));
    const outputs = layers.map((layer) => tf.slice(layer.apply(x) as tf.Tensor3D, [0, 0, 0], [2, 1, 8]));
    const [a, b] = await Promise.all(outputs.map((output) => output.data()));
    expect(largestDifference(a, b)).toBeLessThan(1e-6);
  });

  test('dropout acts on the output, in training alone, as its key says', async () => {
    const layer = new CausalPrimalAttention({ ...config, dropout: 0.4 });
    const call = (training: boolean, key = 3): Promise<Float32Array> =>
      tf
        .tidy(() => withRandomKey(randomKey(key), () => layer.apply(x, { training }) as tf.Tensor))
        .data() as Promise<Float32Array>;
    const whole = await call(false);
    const dropped = await call(true);
    const zeros = dropped.filter((value) => value === 0).length;
    expect(zeros).toBeGreaterThan(0.2 * whole.length);
    expect(zeros).toBeLessThan(0.6 * whole.length);
    for (const [i, value] of dropped.entries()) {
      if (value !== 0) expect(value).toBeCloseTo(whole[i] / 0.6, 5);
    }
    expect(await call(true)).toEqual(dropped);
    expect(await call(true, 4)).not.toEqual(dropped);
  });

  test('padding at the end changes nothing; padding in front does, unless prefixes are masked', async () => {
    const moved = async (mask: number[], maskPrefix: boolean): Promise<number> => {
      const layer = new CausalPrimalAttention({ ...config, maskPrefix });
      const real = tf.tensor2d(mask, [1, 9]);
      const one = tf.slice(x as tf.Tensor3D, 0, 1);
      const other = tf.add(one, tf.reshape(tf.sub(1, real), [1, 9, 1]));
      const [a, b] = await Promise.all(
        [one, other].map((given) => (layer.apply([given, real]) as tf.Tensor).data()),
      );
      const isReal = (_: number, i: number): boolean => mask[Math.floor(i / 8)] === 1;
      return largestDifference(a.filter(isReal), b.filter(isReal));
    };
    const [right, left] = [
      [1, 1, 1, 1, 1, 0, 0, 0, 0],
      [0, 0, 0, 1, 1, 1, 1, 1, 1],
    ];
    expect(await moved(right, false)).toBe(0);
    expect(await moved(left, false)).toBeGreaterThan(0.01);
    expect(await moved(left, true)).toBe(0);
  });

  test('options out of their range are refused', () => {
    expect(() => new CausalPrimalAttention({ ...config, dropout: 1 })).toThrow(
      /CausalPrimalAttention: dropout must be in \[0, 1\), got 1/,
    );
    expect(() => new CausalPrimalAttention({ ...config, landmarks: 3 } as never)).toThrow(
      /unknown option 'landmarks'/,
    );
  });
});
