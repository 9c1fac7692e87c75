import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { expectNaive } from '../../testing/expect-naive.js';
import { naiveCosine } from '../../testing/naive-kernel.js';
import { cosineAttention } from './cosine.js';

const sizes = { heads: 2, batch: 3, queries: 5, keys: 7, size: 4, valueSize: 6 };
const mask = [
  [1, 0, 1, 1, 1, 0, 1],
  [1, 1, 1, 1, 0, 0, 0],
  [0, 0, 0, 0, 0, 0, 0],
];

test('equal to loops in double precision, output and gradients', async () => {
  await expectNaive((q, k, v) => cosineAttention(q, k, v), naiveCosine, sizes);
});

test('with a mask', async () => {
  const given = tf.tensor2d(mask);
  await expectNaive((q, k, v) => cosineAttention(q, k, v, { mask: given }), naiveCosine, sizes, mask);
});

test('one token', async () => {
  await expectNaive((q, k, v) => cosineAttention(q, k, v), naiveCosine, { ...sizes, queries: 1, keys: 1 });
});

test('what does not fit is refused', () => {
  const [q, k] = [5, 7].map((length) => tf.zeros([1, 1, length, 2]) as tf.Tensor4D);
  expect(() => cosineAttention(q, k, q)).toThrow(/cosineAttention: the shape of v does not fit/);
});
