import { fileURLToPath } from 'node:url';
import { describeCase, loadGolden, runCase } from '@primal-attention/golden';
import { autocast, costOf, foldIn, jit, randomBernoulli, randomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { expectAsNaive, type Naive } from '../../testing/against-naive.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { checkSoftmax } from '../softmax/golden.js';
import { softmaxAttention } from '../softmax/softmax.js';
import { type BlockwiseAttentionOptions, blockwiseAttention } from './blockwise.js';

const [heads, batch] = [2, 3];
const blockLength = 3;

interface Setting {
  queries: number;
  keys: number;
  causal?: boolean;
  /** [B, N]. */
  mask?: number[][];
  dropout?: number;
}

const key = randomKey(5);

/** The factor of dropout for each weight [H, B, M, N]: that of its block. */
function factors({ queries, keys, dropout }: Setting): (row: number, j: number) => number {
  if (dropout === undefined) return () => 1;
  const size = Math.min(blockLength, keys);
  const blocks = Array.from({ length: Math.ceil(keys / size) }, (_, i) =>
    randomBernoulli(foldIn(key, i), 1 - dropout, [heads, batch, queries, size]).dataSync(),
  );
  return (row, j) => blocks[Math.floor(j / size)][row * size + (j % size)] / (1 - dropout);
}

/** Softmax attention, one query after the other. */
function naive(setting: Setting, size: number, valueSize: number): Naive {
  const { queries, keys, causal = false, mask } = setting;
  const factor = factors(setting);
  return (q, k, v) => {
    const output = new Float64Array(heads * batch * queries * valueSize);
    for (let row = 0; row < heads * batch * queries; row++) {
      const [sequence, i] = [Math.floor(row / queries), row % queries];
      const weights = Array.from({ length: keys }, (_, j) => {
        if ((mask?.[sequence % batch][j] ?? 1) === 0 || (causal && j > i)) return 0;
        let score = 0;
        for (let f = 0; f < size; f++) score += q[row * size + f] * k[(sequence * keys + j) * size + f];
        return Math.exp(score / Math.sqrt(size));
      });
      const total = weights.reduce((sum, weight) => sum + weight, 0);
      if (total === 0) continue;
      for (const [j, weight] of weights.entries()) {
        for (let f = 0; f < valueSize; f++) {
          output[row * valueSize + f] +=
            (weight / total) * factor(row, j) * v[(sequence * keys + j) * valueSize + f];
        }
      }
    }
    return output;
  };
}

const mask = [
  [1, 1, 1, 1, 1, 1, 1],
  [0, 0, 0, 0, 0, 0, 0],
  [0, 0, 0, 0, 1, 1, 0],
];

const settings: [string, Setting][] = [
  ['five queries, seven keys', { queries: 5, keys: 7 }],
  ['with a mask', { queries: 5, keys: 7, mask }],
  ['causal with a mask', { queries: 7, keys: 7, causal: true, mask }],
  ['whole blocks with dropout', { queries: 2, keys: 6, dropout: 0.4 }],
  ['one query, one key', { queries: 1, keys: 1 }],
];

describe('blockwiseAttention', () => {
  test.each(settings)('is softmax attention: %s', (_name, setting) => {
    const { queries, keys, causal, dropout } = setting;
    expectAsNaive(
      (q, k, v) =>
        blockwiseAttention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D, {
          mask: setting.mask && tf.tensor2d(setting.mask),
          causal,
          dropout: dropout === undefined ? undefined : { rate: dropout, key },
          blockLength,
        }),
      naive(setting, 4, 2),
      [
        randomTensor([heads, batch, queries, 4], 1),
        randomTensor([heads, batch, keys, 4], 2),
        randomTensor([heads, batch, keys, 2], 3),
      ],
    );
  });

  test('very large scores are no trouble', () => {
    const q = tf.mul(randomTensor([1, 1, 7, 4], 4), 1e4) as tf.Tensor4D;
    const v = randomTensor([1, 1, 7, 4], 5) as tf.Tensor4D;
    const expected = softmaxAttention(q, q, v).output.dataSync();
    const output = blockwiseAttention(q, q, v, { blockLength }).dataSync();
    for (const [i, value] of expected.entries()) expect(output[i]).toBeCloseTo(value, 5);
  });

  test('shapes that do not fit are named', () => {
    const [q, k] = [tf.ones([1, 2, 3, 4]), tf.ones([1, 2, 5, 4])] as tf.Tensor4D[];
    expect(() => blockwiseAttention(q, k, q)).toThrow(/blockwiseAttention: .* v /);
    expect(() => blockwiseAttention(q, k, k, { causal: true })).toThrow(/shape of k/);
    expect(() => blockwiseAttention(q, k, k, { blockLength: 0 })).toThrow(/blockLength/);
  });

  test.runIf(tf.getBackend() === 'xla')('no N x N matrix is formed, in the gradient either', () => {
    const n = 512;
    const options: BlockwiseAttentionOptions = { blockLength: 32 };
    const step = jit((q: tf.Tensor4D) =>
      tf.grad((q: tf.Tensor) => {
        const x = q as tf.Tensor4D;
        return tf.sum(tf.square(blockwiseAttention(x, x, x, options)));
      })(q),
    );
    expect(costOf(step, tf.ones([2, 2, n, 4]) as tf.Tensor4D).memory.temporary).toBeLessThan(4 * 4 * n * n);
  });
});

test('in bf16, more blocks make no more rounding: sums over them are float32', () => {
  const [q, k, v] = [1, 2, 3].map((seed) => randomTensor([1, 2, 256, 8], seed)) as tf.Tensor4D[];
  const unit = tf.eye(8);
  /** Products of an autocast are stored as bf16. */
  const narrow = (x: tf.Tensor4D): tf.Tensor4D =>
    tf.reshape(tf.matMul(tf.reshape(x, [-1, 8]), unit), x.shape);
  const attend = (blockLength: number) => (q: tf.Tensor, k: tf.Tensor, v: tf.Tensor) =>
    autocast('bf16', () => {
      const [a, b, c] = [q, k, v].map((x) => narrow(x as tf.Tensor4D));
      return blockwiseAttention(a, b, c, { blockLength });
    });
  const exact = [
    softmaxAttention(q, k, v).output,
    ...gradientsOf((q, k, v) => softmaxAttention(q, k, v).output),
  ];
  const errors = (blockLength: number): number[] => {
    const f = attend(blockLength);
    return [f(q, k, v), ...gradientsOf(f)].map(
      (tensor, i) => tf.norm(tf.sub(tensor, exact[i])).dataSync()[0],
    );
  };
  const [whole, cut] = [errors(256), errors(4)];
  for (const [i, error] of cut.entries()) expect(error).toBeLessThan(1.5 * whole[i] + 1e-4);

  function gradientsOf(f: (q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D) => tf.Tensor): tf.Tensor[] {
    return tf.grads((q, k, v) => tf.sum(tf.sin(f(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D))))([
      q,
      k,
      v,
    ]);
  }
});

describe('golden numbers of softmax attention', async () => {
  const cases = await loadGolden(
    fileURLToPath(new URL('../../../fixtures/softmax.safetensors', import.meta.url)),
  );
  test.each(cases)('$name', async (golden) => {
    const attend = (...[q, k, v, mask]: [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.Tensor2D?]): tf.Tensor4D =>
      blockwiseAttention(q, k, v, { mask, blockLength: 20 });
    const result = await runCase((given) => checkSoftmax(given, 'exact', attend), golden);
    expect(result.passed, describeCase(result)).toBe(true);
  });
});
