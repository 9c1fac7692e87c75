import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { expectAsNaive, type Naive } from '../../testing/against-naive.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { bucketFactors, sortByBucket } from './hashing.js';
import { ReformerAttention } from './layer.js';
import { reformerAttention } from './reformer.js';

const [heads, batch, size, hashes] = [2, 3, 3, 2];

interface Setting {
  length: number;
  chunkLength: number;
  buckets: number[];
  causal?: boolean;
  after?: number;
  /** [B, N]. */
  mask?: number[][];
}

const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);

/** The official algorithm for each sequence by itself, in loops. */
function naive(setting: Setting, rotations: Float32Array): Naive {
  const { length, chunkLength, buckets: factors, causal = false, after = 0 } = setting;
  const isShort = length <= chunkLength;
  const whole = isShort ? length : Math.ceil(length / chunkLength) * chunkLength;
  const columns = factors.reduce((sum, n) => sum + n, 0) / 2;
  return (x, v) => {
    const output = new Float64Array(v.length);
    for (let h = 0; h < heads; h++) {
      for (let b = 0; b < batch; b++) {
        const begin = (h * batch + b) * length * size;
        const at = (z: Float64Array, i: number, f: number): number =>
          i < length ? z[begin + i * size + f] : 0;
        const real = (i: number): boolean => i < length && (setting.mask?.[b][i] ?? 1) === 1;
        const bucketOf = (i: number, round: number): number => {
          if (!real(i)) return Number.POSITIVE_INFINITY;
          let [bucket, from, scale] = [0, 0, 1];
          for (const factor of factors) {
            const scores = range(factor / 2).map((c) => {
              const rotation = (f: number): number =>
                rotations[((h * size + f) * hashes + round) * columns + from + c];
              return range(size).reduce((sum, f) => sum + at(x, i, f) * rotation(f), 0);
            });
            const both = [...scores, ...scores.map((score) => -score)];
            bucket += scale * both.indexOf(Math.max(...both));
            from += factor / 2;
            scale *= factor;
          }
          return bucket;
        };
        // The ring of all rounds' tokens; JavaScript's sort is stable.
        const ring = isShort
          ? range(length)
          : range(hashes).flatMap((round) => {
              const buckets = range(whole).map((i) => bucketOf(i, round));
              return range(whole).sort((i, j) =>
                buckets[i] === buckets[j] ? i - j : buckets[i] - buckets[j],
              );
            });
        const chunks = isShort ? 1 : ring.length / chunkLength;
        const rows = new Map<number, { logit: number; out: number[] }[]>();
        for (const [place, i] of ring.entries()) {
          const chunk = Math.floor(place / (isShort ? length : chunkLength));
          const offsets = isShort ? [0] : range(2 + after).map((n) => n - 1);
          const keys = offsets.flatMap((offset) => {
            const seen = (chunk + offset + chunks) % chunks;
            return isShort ? ring : ring.slice(seen * chunkLength, (seen + 1) * chunkLength);
          });
          const scores = keys.map((j) => {
            if (i === j) return -1e5;
            if (!real(j) || (causal && j > i)) return -1e9;
            const square = range(size).reduce((sum, f) => sum + at(x, j, f) ** 2, 0) / size;
            const product = range(size).reduce((sum, f) => sum + at(x, i, f) * at(x, j, f), 0);
            return product / Math.sqrt(square + 1e-6) / Math.sqrt(size);
          });
          const most = Math.max(...scores);
          const total = scores.reduce((sum, score) => sum + Math.exp(score - most), 0);
          const out = range(size).map((f) =>
            keys.reduce((sum, j, n) => sum + (Math.exp(scores[n] - most) / total) * at(v, j, f), 0),
          );
          rows.set(i, [...(rows.get(i) ?? []), { logit: most + Math.log(total), out }]);
        }
        for (let i = 0; i < length; i++) {
          const parts = rows.get(i) as { logit: number; out: number[] }[];
          const most = Math.max(...parts.map(({ logit }) => logit));
          const total = parts.reduce((sum, { logit }) => sum + Math.exp(logit - most), 0);
          for (let f = 0; f < size; f++) {
            output[begin + i * size + f] = parts.reduce(
              (sum, { logit, out }) => sum + (Math.exp(logit - most) / total) * out[f],
              0,
            );
          }
        }
      }
    }
    return output;
  };
}

const mask = [
  [1, 1, 1, 1, 1, 1, 1],
  [0, 0, 0, 0, 0, 0, 0],
  [1, 0, 1, 1, 0, 1, 0],
];

const settings: [string, Setting][] = [
  ['seven tokens in chunks of three', { length: 7, chunkLength: 3, buckets: [4] }],
  ['with a mask', { length: 7, chunkLength: 3, buckets: [4], mask }],
  ['causal, factors, a chunk after', { length: 7, chunkLength: 2, buckets: [2, 4], causal: true, after: 1 }],
  ['one chunk with a mask', { length: 7, chunkLength: 8, buckets: [2], mask }],
  ['one token', { length: 1, chunkLength: 8, buckets: [2] }],
];

describe('reformerAttention', () => {
  test.each(settings)('is the official algorithm: %s', (_name, setting) => {
    const { length, chunkLength, buckets, causal, after } = setting;
    const columns = buckets.reduce((sum, n) => sum + n, 0) / 2;
    const rotations = randomTensor([heads, size, hashes, columns], 7) as tf.Tensor4D;
    const shape = [heads, batch, length, size];
    expectAsNaive(
      (x, v) =>
        reformerAttention(x as tf.Tensor4D, v as tf.Tensor4D, {
          rotations,
          chunkLength,
          buckets,
          causal,
          chunksAfter: after,
          mask: setting.mask && tf.tensor2d(setting.mask),
        }).output,
      naive(setting, rotations.dataSync() as Float32Array),
      [1, 2].map((seed) => randomTensor(shape, seed)),
    );
  });

  test('length 100 in chunks of 32 keeps its length, and one rotation too few is named', () => {
    const x = randomTensor([1, 1, 100, 4], 3) as tf.Tensor4D;
    const rotations = randomTensor([1, 4, 2, 4], 4) as tf.Tensor4D;
    const result = reformerAttention(x, x, { rotations, chunkLength: 32 });
    expect(result.output.shape).toEqual([1, 1, 100, 4]);
    expect(result.buckets?.shape).toEqual([1, 1, 2, 128]);
    expect(() => reformerAttention(x, x, { chunkLength: 32 })).toThrow(/100 tokens in 8 buckets need rot/);
    expect(() => reformerAttention(x, x, { chunkLength: 32, buckets: 3, rotations })).toThrow(/even/);
  });
});

test('tokens are sorted by bucket, and by position within one', () => {
  const buckets = tf.tensor2d([3, 0, 3, 1, 0, 2, 2, 2, 2, 2], [2, 5], 'int32');
  const { order, place } = sortByBucket(buckets, 4);
  expect([...order.dataSync()]).toEqual([1, 4, 3, 0, 2, 0, 1, 2, 3, 4]);
  expect([...place.dataSync()]).toEqual([3, 0, 4, 2, 1, 0, 1, 2, 3, 4]);
});

test('the number of buckets is the official one', () => {
  expect(bucketFactors(192, 64)).toEqual([4]);
  expect(bucketFactors(4096, 64)).toEqual([128]);
  expect(bucketFactors(8192, 64)).toEqual([16, 16]);
  expect(bucketFactors(16384, 64)).toEqual([16, 32]);
});

describe('ReformerAttention', () => {
  const x = randomTensor([1, 9, 4], 5);

  test('draws rotations anew in each call, or fixes them', async () => {
    const distance = async (rotations: 'redrawn' | 'fixed'): Promise<number> => {
      const layer = new ReformerAttention({ heads: 2, chunkLength: 2, rotations });
      const [a, b] = [layer.apply(x), layer.apply(x)] as tf.Tensor[];
      return (await tf.max(tf.abs(tf.sub(a, b))).data())[0];
    };
    expect(await distance('fixed')).toBe(0);
    expect(await distance('redrawn')).toBeGreaterThan(1e-3);
  });

  test('options out of range are named', () => {
    expect(() => new ReformerAttention({ heads: 2, buckets: [2, 3] })).toThrow(/buckets.*2,3/);
    expect(() => new ReformerAttention({ heads: 2, hashes: 0 })).toThrow(/hashes/);
  });
});
