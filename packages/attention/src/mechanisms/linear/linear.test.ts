import { withMatmulPrecision } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { expectNaive } from '../../testing/expect-naive.js';
import { naiveLinear } from '../../testing/naive-kernel.js';
import { LinearAttention } from './layer.js';
import { eluFeatureMap, type LinearAttentionOptions, linearAttention } from './linear.js';

const cross = { heads: 2, batch: 3, queries: 5, keys: 7, size: 4, valueSize: 6 };
const self = { ...cross, queries: 9, keys: 9 };
const one = { ...cross, queries: 1, keys: 1 };
/** Zeros anywhere, and a sample without a real key. */
const mask = [
  [1, 0, 1, 1, 1, 0, 1],
  [1, 1, 1, 1, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0],
];
const selfMask = mask.map((row) => [...row, 1, 0].map((x, i) => (row[0] === 0 ? 0 : i === 7 ? 1 : x)));

describe('equal to loops in double precision, output and gradients', () => {
  test.each([
    ['not causal', cross, {}],
    ['one token', one, {}],
    ['not normalised', cross, { normalise: false }],
    ['causal', self, { causal: true }],
    ['one token, causal', one, { causal: true }],
  ] as const)('%s', async (_name, sizes, options) => {
    const { causal, normalise } = options as LinearAttentionOptions;
    await expectNaive(
      (q, k, v) => linearAttention(q, k, v, options),
      (inputs) => naiveLinear(inputs, causal, normalise),
      sizes,
    );
  });

  test.each([
    ['not causal', cross, mask, {}],
    ['not normalised', cross, mask, { normalise: false }],
    ['causal', self, selfMask, { causal: true }],
  ] as const)('%s, masked', async (_name, sizes, rows, options) => {
    const { causal, normalise } = options as LinearAttentionOptions;
    const given = tf.tensor2d(rows as number[][]);
    await expectNaive(
      (q, k, v) => linearAttention(q, k, v, { ...options, mask: given }),
      (inputs) => naiveLinear(inputs, causal, normalise),
      sizes,
      rows as number[][],
    );
  });
});

describe('with values worked out by hand', () => {
  const row = (values: number[]): tf.Tensor4D => tf.tensor4d(values, [1, 1, values.length, 1]);
  const x = row([0, 1, -1]);
  const v = row([1, 2, 4]);

  test('the causal form divides by what each token has seen', async () => {
    const output = await linearAttention(x, x, v, { causal: true }).data();
    for (const [i, right] of [1, 1.666667, 1.921541].entries())
      expect(Math.abs(output[i] - right)).toBeLessThan(3e-6);
  });

  test('with one feature every query sees the same', async () => {
    const output = await linearAttention(x, x, v).data();
    for (const value of output) expect(Math.abs(value - 1.921541)).toBeLessThan(3e-6);
  });

  test('one token gives its value', async () => {
    for (const causal of [false, true]) {
      const [value] = await linearAttention(row([0.3]), row([-2]), row([5]), { causal }).data();
      expect(Math.abs(value - 5)).toBeLessThan(1e-4); // 5 (1 - 1e-6 / weight)
    }
  });

  test('8192 equal keys give the running mean', async () => {
    const length = 8192;
    const keys = tf.fill([1, 1, length, 2], 0.7) as tf.Tensor4D;
    const values = Float32Array.from({ length }, (_, i) => Math.sin(i) + 2);
    const output = await withMatmulPrecision('float32', () =>
      linearAttention(keys, keys, tf.tensor4d(values, [1, 1, length, 1]), {
        causal: true,
      }),
    ).data();
    let [sum, most] = [0, 0];
    for (let i = 0; i < length; i++) {
      sum += values[i];
      most = Math.max(most, Math.abs(output[i] - sum / (i + 1)));
    }
    expect(most).toBeLessThan(1e-4);
  });
});

test('phi keeps its digits far below 0, and has the gradient 1 at 0', async () => {
  const z = tf.tensor1d([-17, -8, -0.5, 0, 3, 1e6]);
  const phi = await eluFeatureMap(z).data();
  for (const [i, right] of [Math.exp(-17), Math.exp(-8), Math.exp(-0.5), 1, 4, 1e6 + 1].entries())
    expect(Math.abs(phi[i] / right - 1)).toBeLessThan(1e-5);
  const slopes = await tf
    .grad((x) => tf.sum(eluFeatureMap(x)))(z)
    .data();
  for (const [i, right] of [Math.exp(-17), Math.exp(-8), Math.exp(-0.5), 1, 1, 1].entries())
    expect(Math.abs(slopes[i] / right - 1)).toBeLessThan(1e-5);
});

test('what does not fit is refused', () => {
  const [q, k] = [5, 7].map((length) => tf.zeros([1, 1, length, 2]) as tf.Tensor4D);
  expect(() => linearAttention(q, k, k, { causal: true })).toThrow(
    /linearAttention: .*got 5 queries and 7 keys/,
  );
  expect(() => linearAttention(k, k, q)).toThrow(/linearAttention: the shape of v does not fit/);
  expect(() => linearAttention(k, k, k, { causal: true, normalise: false })).toThrow(/needs normalise: true/);
  expect(() => new LinearAttention({ heads: 1, causal: true, normalise: false })).toThrow(
    /LinearAttention: .*normalise/,
  );
  expect(() => new LinearAttention({ heads: 1, epsilon: 0 })).toThrow(
    /epsilon must be a positive number, got 0/,
  );
});
