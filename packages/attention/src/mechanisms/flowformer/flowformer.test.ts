import { withMatmulPrecision } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { expectNaive } from '../../testing/expect-naive.js';
import { naiveFlowformer } from '../../testing/naive-kernel.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { flowformerAttention } from './flowformer.js';
import { FlowformerAttention } from './layer.js';

const cross = { heads: 2, batch: 3, queries: 5, keys: 7, size: 4, valueSize: 6 };
const self = { ...cross, queries: 7 };
const one = { ...cross, queries: 1, keys: 1 };
/** Zeros anywhere, also in front, and a sample without a real token. */
const mask = [
  [0, 1, 0, 1, 1, 0, 1],
  [1, 1, 1, 1, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0],
];

describe('equal to loops in double precision, output and gradients', () => {
  test.each([
    ['fewer queries than keys', cross, false, 'none'],
    ['fewer queries, core', cross, false, 1],
    ['one token', one, false, 'none'],
    ['causal', self, true, 10],
    ['causal core', self, true, 1],
    ['one token, causal', one, true, 10],
  ] as const)('%s', async (_name, sizes, causal, clamp) => {
    await expectNaive(
      (q, k, v) => flowformerAttention(q, k, v, { causal, clamp }),
      (inputs) => naiveFlowformer(inputs, causal, clamp === 'none' ? Number.POSITIVE_INFINITY : clamp),
      sizes,
    );
  });

  test.each([
    ['UEA', false, 'none'],
    ['causal core', true, 1],
  ] as const)('%s, masked: that of the real tokens alone', async (_name, causal, clamp) => {
    const given = tf.tensor2d(mask);
    await expectNaive(
      (q, k, v) => flowformerAttention(q, k, v, { mask: given, queryMask: given, causal, clamp }),
      (inputs) => naiveFlowformer(inputs, causal, clamp === 'none' ? Number.POSITIVE_INFINITY : clamp),
      self,
      mask,
    );
  });
});

/** o_t = sigmoid(1) mean of the values up to t, when all queries and all keys are equal: flows of 1 everywhere. */
test.each([false, true])('equal tokens share equally, causal %s', async (causal) => {
  const length = causal ? 8192 : 7;
  const keys = tf.fill([1, 1, length, 2], 0.7) as tf.Tensor4D;
  const values = Float32Array.from({ length }, (_, i) => Math.sin(i) + 2);
  const v = tf.tensor4d(values, [1, 1, length, 1]);
  const output = await withMatmulPrecision('float32', () =>
    flowformerAttention(keys, keys, v, { causal }),
  ).data();
  const [all, share] = [values.reduce((a, b) => a + b, 0), 1 / (1 + Math.exp(-1))];
  // The competition of token u is the u-th part of what is left, times u: 1 for each.
  let [sum, most] = [0, 0];
  for (let i = 0; i < length; i++) {
    sum += values[i];
    most = Math.max(most, Math.abs(output[i] - share * (causal ? sum / (i + 1) : all / length)));
  }
  expect(most).toBeLessThan(1e-4);
});

test('the clamp is that of the tables unless it is given', async () => {
  // Small keys first: what they send out is little, so sinks want much of it, and sources reach hundreds.
  const tokens = Array.from({ length: 9 }, (_, i) => (i < 4 ? -8 : 3));
  const k = tf.reshape(tf.tensor1d(tokens), [1, 1, 9, 1]) as tf.Tensor4D;
  const [q, v] = [1, 2].map((seed) => randomTensor([1, 1, 9, 1], seed) as tf.Tensor4D);
  const of = async (options: Parameters<typeof flowformerAttention>[3]): Promise<number[]> => [
    ...(await flowformerAttention(q, k, v, options).data()),
  ];
  expect(await of({})).toEqual(await of({ clamp: 'none' }));
  expect(await of({})).not.toEqual(await of({ clamp: 1 }));
  expect(await of({ causal: true })).toEqual(await of({ causal: true, clamp: 10 }));
  expect(await of({ causal: true })).not.toEqual(await of({ causal: true, clamp: 'none' }));
  expect(await of({ causal: true, clamp: 5 })).not.toEqual(await of({ causal: true, clamp: 10 }));
});

test('what does not fit is refused', () => {
  const [q, k] = [5, 7].map((length) => tf.zeros([1, 1, length, 2]) as tf.Tensor4D);
  expect(() => flowformerAttention(q, k, k, { causal: true })).toThrow(
    /flowformerAttention: .*got 5 queries and 7 keys/,
  );
  expect(() => flowformerAttention(q, k, q)).toThrow(/the shape of v does not fit/);
  expect(() => flowformerAttention(q, k, k, { queryMask: tf.ones([1, 7]) })).toThrow(
    /the shape of queryMask does not fit/,
  );
  expect(() => new FlowformerAttention({ heads: 1, clamp: -1 })).toThrow(
    /FlowformerAttention: clamp, unless it is 'none', must be a positive number, got -1/,
  );
});
