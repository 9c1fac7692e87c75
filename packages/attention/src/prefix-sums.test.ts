import { costOf, jit } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { causalProduct, checkCausalLengths, prefixSums } from './prefix-sums.js';
import { expectNaive } from './testing/expect-naive.js';
import { randomTensor } from './testing/random-tensor.js';

const dot = (a: readonly number[], b: readonly number[]): number =>
  a.reduce((sum, x, i) => sum + x * b[i], 0);

describe('equal to loops, outputs and gradients, in one chunk and in several with a padded last one', () => {
  // Chunks are of at most 64 tokens: 131 are three of 44, the last with one token of padding.
  test.each([1, 5, 131])('N %i', async (length) => {
    const sizes = { heads: 2, batch: 1, queries: length, keys: length, size: 3, valueSize: 4 };
    // Beside the sums, their weights as one column more of the values.
    await expectNaive(
      (q, k, v) => {
        const { sums, weights } = causalProduct(q, k, v);
        return tf.add(sums, weights);
      },
      ({ q, k, v }) =>
        q.map((query, t) =>
          v[0].map((_, c) => {
            let sum = 0;
            for (let u = 0; u <= t; u++) sum += dot(query, k[u]) * (v[u][c] + 1);
            return sum;
          }),
        ),
      sizes,
    );
  });

  test.each([1, 5, 131])('prefixSums, N %i', async (length) => {
    const x = randomTensor([2, 3, length, 4], 1) as tf.Tensor4D;
    const w = randomTensor([2, 3, length, 4], 2);
    const { value, grad } = tf.valueAndGrad((given) => tf.sum(tf.mul(prefixSums(given as tf.Tensor4D), w)))(
      x,
    ) as { value: tf.Scalar; grad: tf.Tensor4D };
    const [sums, given, weights, gradient] = await Promise.all(
      [prefixSums(x), x, w, grad].map((tensor) => tensor.data()),
    );
    for (let row = 0; row < 2 * 3; row++) {
      for (let c = 0; c < 4; c++) {
        const at = (t: number): number => (row * length + t) * 4 + c;
        let [sum, fromEnd] = [0, 0];
        for (let t = 0; t < length; t++) {
          sum += given[at(t)];
          expect(Math.abs(sums[at(t)] - sum)).toBeLessThan(1e-5);
          fromEnd += weights[at(length - 1 - t)];
          expect(Math.abs(gradient[at(length - 1 - t)] - fromEnd)).toBeLessThan(1e-5);
        }
      }
    }
    value.dispose();
  });
});

test('what comes later changes nothing, to the last bit', async () => {
  const length = 131;
  const [q, k, v] = [1, 2, 3].map((seed) => randomTensor([1, 2, length, 3], seed) as tf.Tensor4D);
  const past = 70;
  const changed = (x: tf.Tensor4D): tf.Tensor4D => {
    const kept = tf.slice(x, [0, 0, 0, 0], [1, 2, past, 3]);
    return tf.concat([kept, tf.mul(randomTensor([1, 2, length - past, 3], 4), 100)], 2) as tf.Tensor4D;
  };
  const first = (x: tf.Tensor4D): Promise<Float32Array> =>
    tf.slice(x, [0, 0, 0, 0], [1, 2, past, x.shape[3]]).data() as Promise<Float32Array>;
  const [a, b] = [causalProduct(q, k, v), causalProduct(changed(q), changed(k), changed(v))];
  expect(await first(b.sums)).toEqual(await first(a.sums));
  expect(await first(b.weights)).toEqual(await first(a.weights));
  expect(await first(prefixSums(changed(v)))).toEqual(await first(prefixSums(v)));
});

test.runIf(tf.getBackend() === 'xla')(
  'memory of output and gradients grows with N, not with N^2 or N p^2',
  () => {
    const size = 32;
    const temporary = (length: number): number => {
      const step = jit((x: tf.Tensor4D) =>
        tf.grad((given) => {
          const { sums, weights } = causalProduct(
            given as tf.Tensor4D,
            given as tf.Tensor4D,
            given as tf.Tensor4D,
          );
          return tf.sum(tf.div(sums, tf.add(weights, 1)));
        })(x),
      );
      return costOf(step, tf.ones([1, 1, length, size]) as tf.Tensor4D).memory.temporary;
    };
    const [short, long] = [temporary(1024), temporary(4096)];
    expect(long / short).toBeLessThan(4.5);
    // An N x p x p array alone would have 4 N p^2 bytes.
    expect(long).toBeLessThan(4 * 4096 * size * size);
  },
);

test('unequal lengths are refused with both', () => {
  const [q, k] = [5, 7].map((length) => tf.zeros([1, 1, length, 2]) as tf.Tensor4D);
  expect(() => checkCausalLengths('linearAttention', q, k)).toThrow(
    'linearAttention: causal attention needs as many queries as keys, got 5 queries and 7 keys',
  );
});
