import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { randomTensor } from '../../testing/random-tensor.js';
import { SoftmaxAttention } from './layer.js';
import { type MaskMode, maskModes, softmaxAttention, softmaxAttentionByHead } from './softmax.js';

const [heads, batch, length, size] = [2, 3, 5, 4];
const shape = [heads, batch, length, size];
/** Padding at the end, in the middle and at the start, and everywhere. */
const masks: [string, number[][] | undefined][] = [
  ['no mask', undefined],
  [
    'a mask',
    [1, 2, 3].map((n) =>
      Array.from({ length }, (_, i) => (n === 1 ? +(i < 3) : n === 2 ? +(i !== 2) : +(i > 1))),
    ),
  ],
  ['a padded sample', [Array(length).fill(1), Array(length).fill(0), Array(length).fill(1)]],
];

/** The formula in double precision, one query at a time. */
function naive(inputs: ArrayLike<number>[], mask: number[][] | undefined, mode: MaskMode): Float64Array {
  const [q, k, v] = inputs;
  const output = new Float64Array(q.length);
  for (let head = 0; head < heads * batch; head++) {
    const real = (j: number): number => mask?.[head % batch][j] ?? 1;
    const at = (i: number, f: number): number => (head * length + i) * size + f;
    for (let i = 0; i < length; i++) {
      const scores: number[] = [];
      for (let j = 0; j < length; j++) {
        let score = 0;
        for (let f = 0; f < size; f++) score += (q[at(i, f)] * k[at(j, f)]) / Math.sqrt(size);
        if (mode === 'gpt2') scores.push((j > i ? -1e4 : score) - (1 - real(j)) * 1e4);
        else if (j > i || (mode === 'exact' && !real(j))) scores.push(-Infinity);
        else scores.push(score - (1 - real(j)) * 1e6);
      }
      const most = Math.max(...scores);
      if (most === -Infinity) continue;
      const weights = scores.map((score) => Math.exp(score - most));
      const sum = weights.reduce((a, b) => a + b);
      for (let j = 0; j < length; j++) {
        for (let f = 0; f < size; f++) output[at(i, f)] += (weights[j] / sum) * v[at(j, f)];
      }
    }
  }
  return output;
}

async function distance(a: tf.Tensor, b: ArrayLike<number>): Promise<number> {
  const values = await a.data();
  expect(values.length).toBe(b.length);
  return Array.from(b).reduce((most, value, i) => Math.max(most, Math.abs(values[i] - value)), 0);
}

describe.each(maskModes)('causal, %s', (maskMode) => {
  // Scores that lie under a penalty keep few of their digits: 1e6 leaves 1/16, 1e4 leaves 1/1000.
  const tolerance = (leading: boolean): number =>
    !leading || maskMode === 'exact' ? 1e-5 : maskMode === 'gpt2' ? 2e-3 : 0.15;

  test.each(masks)('%s: outputs and gradients are those of the formula', async (_name, rows) => {
    const inputs = [1, 2, 3].map((seed) => randomTensor(shape, seed) as tf.Tensor4D);
    const w = randomTensor(shape, 4);
    const mask = rows && tf.tensor2d(rows);
    const leading = rows?.some((row) => row[0] === 0) ?? false;
    const [q, k, v] = inputs;
    const { output } = softmaxAttention(q, k, v, { mask, causal: true, maskMode });
    const host = await Promise.all(inputs.map((tensor) => tensor.data()));
    expect(await distance(output, naive(host, rows, maskMode))).toBeLessThan(tolerance(leading));
    const byHead = softmaxAttentionByHead(q, k, v, { mask, causal: true, maskMode });
    expect(await distance(byHead, await output.data())).toBeLessThan(1e-5);

    const gradients = tf.grads((...given) => {
      const [a, b, c] = given as tf.Tensor4D[];
      return tf.sum(tf.mul(softmaxAttention(a, b, c, { mask, causal: true, maskMode }).output, w));
    })(inputs);
    const weights = await w.data();
    const loss = (given: ArrayLike<number>[]): number =>
      naive(given, rows, maskMode).reduce((sum, value, i) => sum + weights[i] * value, 0);
    const step = 1e-4;
    for (const [which, gradient] of gradients.entries()) {
      const expected = Array.from(host[which], (_, i) => {
        const moved = (by: number): number =>
          loss(
            host.map((values, n) =>
              Float64Array.from(values, (value, at) => value + (n === which && at === i ? by : 0)),
            ),
          );
        return (moved(step) - moved(-step)) / (2 * step);
      });
      // Central differences are right to about 1e-7 here.
      expect(await distance(gradient, expected), 'qkv'[which]).toBeLessThan(tolerance(leading));
    }
  });
});

test('GPT-2 and the exact mask agree where the first key is real, and differ where it is padded', async () => {
  const [q, k, v] = [1, 2, 3].map((seed) => randomTensor([1, 1, 4, 3], seed) as tf.Tensor4D);
  const both = (rows: number[][]): tf.Tensor[] =>
    (['exact', 'gpt2'] as const).map(
      (maskMode) => softmaxAttention(q, k, v, { mask: tf.tensor2d(rows), causal: true, maskMode }).output,
    );
  const [exact, gpt2] = both([[1, 1, 0, 0]]);
  expect(await distance(gpt2, await exact.data())).toBeLessThan(1e-6);
  const [none, seen] = both([[0, 1, 1, 1]]);
  // The first query has no real key: zeros, or what GPT-2 makes of padded and of later keys.
  expect(await distance(tf.slice(none, 0, [1, 1, 1, 3]), [0, 0, 0])).toBe(0);
  expect(await distance(tf.slice(seen, 0, [1, 1, 1, 3]), [0, 0, 0])).toBeGreaterThan(0.01);
});

test('causal attention needs as many queries as keys', () => {
  const [q, k] = [tf.zeros([1, 1, 2, 3]), tf.zeros([1, 1, 4, 3])] as tf.Tensor4D[];
  expect(softmaxAttention(q, k, k).output.shape).toEqual([1, 1, 2, 3]);
  for (const attend of [softmaxAttention, softmaxAttentionByHead]) {
    expect(() => attend(q, k, k, { causal: true })).toThrow(/the shape of k does not fit/);
  }
});

test("the layer's options: causal, and GPT-2's initial values", async () => {
  const layer = new SoftmaxAttention({ heads: 2, causal: true, initialization: 'gpt2' });
  const x = randomTensor([1, 6, 8], 1);
  const y = layer.apply(x) as tf.Tensor;
  const cut = layer.apply(tf.slice(x, 0, [1, 3, 8])) as tf.Tensor;
  expect(await distance(tf.slice(y, 0, [1, 3, 8]), await cut.data())).toBeLessThan(1e-6);
  const [kernel, bias] = await Promise.all(
    layer
      .getWeights()
      .slice(0, 2)
      .map((weight) => weight.data()),
  );
  expect(
    Math.sqrt(Array.from(kernel).reduce((sum, value) => sum + value ** 2, 0) / kernel.length),
  ).toBeCloseTo(0.02, 2);
  expect([...bias]).toEqual(Array(8).fill(0));
  expect(layer.getConfig()).toMatchObject({ causal: true, initialization: 'gpt2', maskMode: 'exact' });
  expect(() => new SoftmaxAttention({ heads: 2, initialization: 'gpt3' as never })).toThrow(
    "SoftmaxAttention: initialization must be one of 'torch', 'gpt2', got \"gpt3\"",
  );
});
