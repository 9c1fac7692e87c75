import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { onScores } from '../../scores.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { dataIndependentScores } from '../primal/primal.js';
import { DataIndependentPrimalAttention } from './layer.js';

const x = randomTensor([2, 7, 8], 1) as tf.Tensor3D;

test('a token meets no other: reversing the sequence reverses the output', async () => {
  const layer = new DataIndependentPrimalAttention({ heads: 2, rank: 3 });
  const [output, reversed] = [x, tf.reverse(x, 1)].map((given) => layer.apply(given) as tf.Tensor3D);
  const [a, b] = await Promise.all([output.data(), tf.reverse(reversed, 1).data()]);
  for (const [i, value] of a.entries()) expect(Math.abs(value - b[i])).toBeLessThanOrEqual(1e-6);
});

// Two heads are computed side by side, four one by one.
test.each([2, 4])(
  'its scores are those of the pure function, with W_e for all samples (%i heads)',
  async (heads) => {
    const layer = new DataIndependentPrimalAttention({ heads, rank: 3 });
    const heard: number[][] = [];
    const stop = onScores(layer, ({ queries, keys, e, r, projectionE, projectionR, ...others }) => {
      expect(others).toEqual({ layer: layer.name });
      expect([projectionE, projectionR].map(({ shape }) => shape)).toEqual([
        [1, heads, 8 / heads, 3],
        [1, heads, 8 / heads, 3],
      ]);
      const [q, k] = [queries, keys].map((t) => tf.transpose(t, [1, 0, 2, 3]));
      const [we, wr] = [projectionE, projectionR].map((t) => tf.squeeze(t, [0]) as tf.Tensor3D);
      const scores = dataIndependentScores(q, k, we, wr);
      for (const [a, b] of [
        [e, scores.e],
        [r, scores.r],
      ]) {
        heard.push([...tf.sub(a, tf.transpose(b, [1, 0, 2, 3])).dataSync()]);
      }
    });
    tf.dispose(layer.apply(x) as tf.Tensor);
    stop();
    expect(heard.map(({ length }) => length)).toEqual([2 * heads * 7 * 3, 2 * heads * 7 * 3]);
    for (const value of heard.flat()) expect(Math.abs(value)).toBeLessThanOrEqual(1e-6);
  },
);

test('weights that do not fit are refused', () => {
  const q = tf.zeros([2, 1, 5, 4]) as tf.Tensor4D;
  expect(() => dataIndependentScores(q, q, tf.zeros([2, 3, 6]), tf.zeros([2, 4, 6]))).toThrow(
    /dataIndependentScores: the shape of we does not fit/,
  );
  expect(() => new DataIndependentPrimalAttention({ heads: 2, rank: 3, dropout: 0.1 } as never)).toThrow(
    /unknown option 'dropout'/,
  );
});
