import { RandomStream } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { mergeHeads, splitHeads } from './heads.js';
import { landmarkPositions, takeRows } from './mechanisms/primal/landmarks.js';
import { combineScores, ksvdObjective, primalScores, weightTrace } from './mechanisms/primal/primal.js';
import { softmaxAttention } from './mechanisms/softmax/softmax.js';
import { type Indexed, naiveObjective, naiveScore, naiveSoftmax, type Sizes } from './testing/naive.js';
import { randomTensor } from './testing/random-tensor.js';

/** float32 against double precision, for sums of up to a few hundred numbers near 1. */
const rounding = 2e-4;

/** Every size its own number, so that no two axes can be taken for each other. */
const sizes = fc.record({
  heads: fc.integer({ min: 1, max: 4 }),
  batch: fc.integer({ min: 1, max: 4 }),
  length: fc.integer({ min: 1, max: 6 }),
  landmarks: fc.integer({ min: 1, max: 6 }),
  size: fc.integer({ min: 1, max: 5 }),
  rank: fc.integer({ min: 1, max: 5 }),
});
/** A compiling backend makes new programs for each shape. */
const runs = { numRuns: 6 };

async function indexed(tensor: tf.Tensor): Promise<Indexed> {
  const values = await tensor.data();
  return (...index) => values[index.reduce((at, i, axis) => at * tensor.shape[axis] + i, 0)];
}

async function expectEqual(actual: tf.Tensor, expected: Indexed): Promise<void> {
  const values = await actual.data();
  for (let flat = 0; flat < values.length; flat++) {
    const index: number[] = [];
    let rest = flat;
    for (const n of [...actual.shape].reverse()) {
      index.unshift(rest % n);
      rest = Math.floor(rest / n);
    }
    expect(Math.abs(values[flat] - expected(...index))).toBeLessThanOrEqual(rounding);
  }
}

const scoreInputs = ({ heads, batch, length, landmarks, size, rank }: Sizes, seed: number) => ({
  q: randomTensor([heads, batch, length, size], seed) as tf.Tensor4D,
  k: randomTensor([heads, batch, length, size], seed + 1) as tf.Tensor4D,
  f: randomTensor([heads, batch, landmarks, size], seed + 2) as tf.Tensor4D,
  we: randomTensor([heads, landmarks, rank], seed + 3) as tf.Tensor3D,
  wr: randomTensor([heads, landmarks, rank], seed + 4) as tf.Tensor3D,
  lambda: randomTensor([heads, rank], seed + 5) as tf.Tensor2D,
});

describe('equal to loops in double precision, for any sizes', () => {
  test('primalScores and ksvdObjective', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(1000), async (given, seed) => {
        const tensors = scoreInputs(given, seed);
        const { e, r } = primalScores(tensors.q, tensors.k, tensors.f, tensors.we, tensors.wr);
        const [q, k, f, we, wr, lambda] = await Promise.all(Object.values(tensors).map(indexed));
        const expected = { e: naiveScore(given, q, f, we), r: naiveScore(given, k, f, wr) };
        await expectEqual(e, expected.e);
        await expectEqual(r, expected.r);
        const { objective } = ksvdObjective(e, r, tensors.lambda, weightTrace(tensors.we, tensors.wr));
        const values = await objective.data();
        expect(values.length).toBe(given.batch);
        for (const [b, value] of values.entries()) {
          const right = naiveObjective(given, b, expected, lambda, we, wr);
          expect(Math.abs(value - right)).toBeLessThanOrEqual(rounding * Math.max(1, Math.abs(right)));
        }
      }),
      runs,
    );
  });

  test('combineScores', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(1000), async ({ heads, batch, length, rank, size }, seed) => {
        const [e, r] = [0, 1].map((i) => randomTensor([heads, batch, length, rank], seed + i) as tf.Tensor4D);
        const kernel = randomTensor([2 * rank, size], seed + 2) as tf.Tensor2D;
        const bias = randomTensor([size], seed + 3) as tf.Tensor1D;
        const [ofE, ofR, w, b] = await Promise.all([e, r, kernel, bias].map(indexed));
        await expectEqual(combineScores(e, r, kernel, bias), (h, n, i, c) => {
          let total = b(c);
          for (let s = 0; s < rank; s++)
            total += ofE(h, n, i, s) * w(s, c) + ofR(h, n, i, s) * w(rank + s, c);
          return total;
        });
      }),
      runs,
    );
  });

  test('softmaxAttention with any mask', async () => {
    await fc.assert(
      fc.asyncProperty(sizes, fc.nat(1000), async (given, seed) => {
        const { heads, batch, length, size } = given;
        const [q, k, v] = [0, 1, 2].map(
          (i) => randomTensor([heads, batch, length, size], seed + i) as tf.Tensor4D,
        );
        const stream = new RandomStream(seed, 'mask');
        const bits = Float32Array.from({ length: batch * length }, () => stream.integer(2));
        const mask = tf.tensor2d(bits, [batch, length]);
        const loops = (await Promise.all([q, k, v, mask].map(indexed))) as [
          Indexed,
          Indexed,
          Indexed,
          Indexed,
        ];
        await expectEqual(softmaxAttention(q, k, v, { mask }).output, naiveSoftmax(given, ...loops));
      }),
      runs,
    );
  });
});

test('landmarks are ordered, begin with the first token and end with the last', () => {
  const count = fc.integer({ min: 1, max: 5000 });
  fc.assert(
    fc.property(count, count, (length, n) => {
      const positions = landmarkPositions(length, n);
      expect(positions.length).toBe(n);
      expect(positions[0]).toBe(0);
      if (n > 1) expect(positions[n - 1]).toBe(length - 1);
      expect(positions.every((position, i) => i === 0 || position >= positions[i - 1])).toBe(true);
    }),
  );
  expect([...landmarkPositions(1024, 300).slice(0, 6)]).toEqual([0, 3, 6, 10, 13, 17]);
  expect([...landmarkPositions(1024, 300).slice(-4)]).toEqual([1012, 1016, 1019, 1023]);
  expect(new Set(landmarkPositions(1024, 300)).size).toBe(300);
});

test('takeRows takes repeated rows, and adds their gradients', async () => {
  const x = tf.tensor3d([1, 2, 3, 4, 5, 6, 7, 8], [2, 2, 2]);
  const positions = Int32Array.of(0, 0, 1);
  expect([...(await takeRows(x, positions).data())]).toEqual([1, 2, 1, 2, 3, 4, 5, 6, 5, 6, 7, 8]);
  const gradient = tf.grad((t) => tf.sum(takeRows(t as tf.Tensor3D, positions)))(x);
  expect([...(await gradient.data())]).toEqual([2, 2, 1, 1, 2, 2, 1, 1]);
});

test('the gradient of takeRows gives each taken row what came from it', async () => {
  const sizes = fc.record({
    batch: fc.integer({ min: 1, max: 3 }),
    length: fc.integer({ min: 1, max: 12 }),
    n: fc.integer({ min: 1, max: 12 }),
  });
  await fc.assert(
    fc.asyncProperty(sizes, async ({ batch, length, n }) => {
      const positions = landmarkPositions(length, n);
      const dy = randomTensor([batch, n, 2], 3) as tf.Tensor3D;
      const of = await indexed(dy);
      const gradient = tf.grad((x) => takeRows(tf.clone(x) as tf.Tensor3D, positions))(
        tf.zeros([batch, length, 2]),
        dy,
      );
      await expectEqual(gradient, (b, position, c) =>
        positions.reduce((sum, taken, i) => (taken === position ? sum + of(b, i, c) : sum), 0),
      );
    }),
    runs,
  );
});

test('heads come apart and together again', async () => {
  const x = randomTensor([2, 3, 8], 1) as tf.Tensor3D;
  const heads = splitHeads(x, 4);
  expect(heads.shape).toEqual([4, 2, 3, 2]);
  const of = await indexed(x);
  await expectEqual(heads, (h, b, i, c) => of(b, i, 2 * h + c));
  expect(await mergeHeads(heads).data()).toEqual(await x.data());
});

test('shapes that do not fit are refused with all of them', () => {
  const { q, k, f, we, wr, lambda } = scoreInputs(
    { heads: 2, batch: 3, length: 4, landmarks: 5, size: 6, rank: 7 },
    1,
  );
  expect(() => primalScores(q, k, f, we, tf.zeros([2, 5, 8]))).toThrow(
    /primalScores: the shape of wr does not fit; given q \[2,3,4,6\] \(expected \[H B N p\]\).*wr \[2,5,8\]/,
  );
  expect(() => primalScores(q, f, f, we, wr)).toThrow(/the shape of k does not fit/);
  expect(() => ksvdObjective(q, k, lambda, tf.scalar(0))).toThrow(/the shape of lambda does not fit/);
  expect(() => softmaxAttention(q, k, k, { mask: tf.ones([4, 3]) })).toThrow(
    /the shape of mask does not fit/,
  );
  expect(() => softmaxAttention(q, k, k, { maskMode: 'hard' as never })).toThrow(/maskMode.*"hard"/);
  expect(() => landmarkPositions(0, 3)).toThrow(/length 0 and count 3/);
  expect(() => splitHeads(tf.zeros([1, 2, 5]), 2)).toThrow(/5 features do not divide into 2 heads/);
});
