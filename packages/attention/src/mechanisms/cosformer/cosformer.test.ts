import { withMatmulPrecision } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { expectNaive } from '../../testing/expect-naive.js';
import { naiveCosformer } from '../../testing/naive-kernel.js';
import { type CosformerAttentionOptions, cosformerAttention } from './cosformer.js';
import { CosformerAttention } from './layer.js';

const moreKeys = { heads: 2, batch: 3, queries: 5, keys: 7, size: 4, valueSize: 6 };
const moreQueries = { ...moreKeys, queries: 8 };
const self = { ...moreKeys, queries: 7 };
const one = { ...moreKeys, queries: 1, keys: 1 };
const mask = [
  [1, 0, 1, 1, 1, 0, 1],
  [1, 1, 1, 1, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0],
];

describe('equal to loops in double precision, output and gradients', () => {
  test.each([
    ['more keys', moreKeys, {}],
    ['more queries', moreQueries, {}],
    ['one token', one, {}],
    ['a fixed m', moreKeys, { maxLength: 20 }],
    ['causal', self, { causal: true }],
    ['one token, causal', one, { causal: true }],
  ] as const)('%s', async (_name, sizes, options) => {
    const { causal, maxLength } = options as CosformerAttentionOptions;
    await expectNaive(
      (q, k, v) => cosformerAttention(q, k, v, options),
      (inputs) => naiveCosformer(inputs, causal, maxLength),
      sizes,
      undefined,
      // One token gives its value, whatever q and k are: their gradients are rounding, divided by a weight that may be small.
      sizes === one ? 1e-3 : undefined,
    );
  });

  test.each([
    ['more keys', moreKeys, false],
    ['causal', self, true],
  ] as const)('%s, masked', async (_name, sizes, causal) => {
    const given = tf.tensor2d(mask);
    await expectNaive(
      (q, k, v) => cosformerAttention(q, k, v, { mask: given, causal }),
      (inputs) => naiveCosformer(inputs, causal),
      sizes,
      mask,
    );
  });
});

test('8192 equal keys give the running mean, with m so large that distance does not count', async () => {
  const length = 8192;
  const keys = tf.fill([1, 1, length, 2], 0.7) as tf.Tensor4D;
  const values = Float32Array.from({ length }, (_, i) => Math.sin(i) + 2);
  const v = tf.tensor4d(values, [1, 1, length, 1]);
  const output = await withMatmulPrecision('float32', () =>
    cosformerAttention(keys, keys, v, { causal: true, maxLength: 1e9 }),
  ).data();
  let [sum, most] = [0, 0];
  for (let i = 0; i < length; i++) {
    sum += values[i];
    most = Math.max(most, Math.abs(output[i] - sum / (i + 1)));
  }
  expect(most).toBeLessThan(1e-4);
});

test('a query without a positive entry gives zeros, and no gradient', async () => {
  const q = tf.tensor4d([-1, -2, 1, 2], [1, 1, 2, 2]);
  const v = tf.tensor4d([1, 2, 3, 4], [1, 1, 2, 2]);
  const k = tf.ones([1, 1, 2, 2]) as tf.Tensor4D;
  for (const causal of [false, true]) {
    const output = await cosformerAttention(q, k, v, { causal }).data();
    expect([...output.slice(0, 2)]).toEqual([0, 0]);
    const gradient = await tf
      .grad((x) => tf.sum(cosformerAttention(x as tf.Tensor4D, k, v, { causal })))(q)
      .data();
    expect([...gradient.slice(0, 2)].map(Math.abs)).toEqual([0, 0]);
  }
});

test('what does not fit is refused', () => {
  const [q, k] = [5, 7].map((length) => tf.zeros([1, 1, length, 2]) as tf.Tensor4D);
  expect(() => cosformerAttention(q, k, k, { causal: true })).toThrow(
    /cosformerAttention: .*got 5 queries and 7 keys/,
  );
  expect(() => cosformerAttention(q, k, k, { maxLength: 6 })).toThrow(
    /maxLength 6 is less than the length of the sequence, 7/,
  );
  expect(() => cosformerAttention(q, k, q)).toThrow(/the shape of v does not fit/);
  expect(() => new CosformerAttention({ heads: 1, maxLength: 0 })).toThrow(
    /CosformerAttention: maxLength must be a positive integer, got 0/,
  );
});
