import { jit, RandomStream, randomKey, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { OrthogonalFeatures } from '../../initializers.js';
import { layerWeights } from '../../layer.js';
import { expectAsNaive } from '../../testing/against-naive.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { PerformerAttention } from './layer.js';
import { type PerformerAttentionOptions, performerAttention } from './performer.js';
import { orthogonalFeatures } from './redraw.js';

const [heads, batch, size, features] = [2, 3, 3, 5];

/** The largest projections for each query; found at the first point, and constants to the differences around it. */
interface Maxima {
  query: number[];
  key: number[];
}

/** The formula in loops, with a maximum for each pair of query and key: arrays [H, B, N, p], R [m, p]. */
function naive(
  length: number,
  [q, k, v]: Float64Array[],
  projection: Float64Array,
  real: number[],
  options: PerformerAttentionOptions,
  fixed: Maxima[],
): Float64Array {
  const { kernel = 'softmax', scaling = 'twice', maskMode = 'zeroed', causal = false } = options;
  const epsilon = options.epsilon ?? 1e-4;
  const scale = size ** (scaling === 'twice' ? -0.5 : -0.25);
  const output = new Float64Array(q.length);
  for (let head = 0; head < heads * batch; head++) {
    const isReal = (j: number): boolean => j < real[head % batch];
    const at = (i: number, c: number): number => (head * length + i) * size + c;
    const dash = (z: Float64Array, i: number, r: number, factor = 1): number => {
      let sum = 0;
      for (let c = 0; c < size; c++) sum += projection[r * size + c] * z[at(i, c)] * scale * factor;
      return sum;
    };
    const square = (z: Float64Array, i: number): number => {
      let sum = 0;
      for (let c = 0; c < size; c++) sum += (z[at(i, c)] * scale) ** 2 / 2;
      return sum;
    };
    const zeroed = (j: number): number => (maskMode === 'zeroed' && !isReal(j) ? 0 : 1);
    const counts = (j: number): boolean => maskMode === 'zeroed' || isReal(j);
    if (fixed[head] === undefined) {
      const query: number[] = [];
      const key: number[] = [];
      for (let i = 0; i < length; i++) {
        const ofRow = Array.from({ length: features }, (_, r) => dash(q, i, r));
        query.push(Math.max(...ofRow));
        const keys: number[] = [];
        for (let j = 0; j <= (causal ? i : length - 1); j++) {
          if (counts(j)) for (let r = 0; r < features; r++) keys.push(dash(k, j, r, zeroed(j)));
        }
        key.push(keys.length === 0 ? 0 : Math.max(...keys));
      }
      fixed[head] = { query, key };
    }
    const { query, key } = fixed[head];
    for (let i = 0; i < length; i++) {
      let total = 0;
      for (let j = 0; j <= (causal ? i : length - 1); j++) {
        if (!counts(j)) continue;
        let weight = 0;
        for (let r = 0; r < features; r++) {
          const [a, b] = [dash(q, i, r), dash(k, j, r, zeroed(j))];
          weight +=
            kernel === 'relu'
              ? (Math.max(a, 0) + epsilon) * (Math.max(b, 0) + epsilon)
              : (Math.exp(a - square(q, i) - query[i]) + epsilon) *
                (Math.exp(b - square(k, j) * zeroed(j) - key[i]) + epsilon);
        }
        total += weight;
        if (isReal(j)) for (let c = 0; c < size; c++) output[at(i, c)] += weight * v[at(j, c)];
      }
      for (let c = 0; c < size; c++) output[at(i, c)] /= total || 1;
    }
  }
  return output;
}

const variants: PerformerAttentionOptions[] = [
  {},
  { scaling: 'once', maskMode: 'exact' },
  { scaling: 'once', maskMode: 'exact', causal: true },
  { causal: true, epsilon: 0.1 },
  { kernel: 'relu', scaling: 'once', maskMode: 'exact', epsilon: 1e-2 },
  { kernel: 'relu', maskMode: 'zeroed', causal: true, epsilon: 1e-2 },
];

describe('performerAttention', () => {
  test.each(variants)('as the formula, with all gradients: %o', (options) => {
    const length = 7;
    const real = [7, 4, 0];
    const mask = tf.tensor2d(real.map((n) => Array.from({ length }, (_, i) => (i < n ? 1 : 0))));
    const projection = randomTensor([features, size], 4) as tf.Tensor2D;
    const numbers = Float64Array.from(projection.dataSync());
    const fixed: Maxima[] = [];
    expectAsNaive(
      (q, k, v) =>
        performerAttention(q as tf.Tensor4D, k as tf.Tensor4D, v as tf.Tensor4D, projection, {
          ...options,
          mask,
        }),
      (...at) => naive(length, at, numbers, real, options, fixed),
      [1, 2, 3].map((seed) => randomTensor([heads, batch, length, size], seed)),
    );
  });

  test('causal: over several chunks of tokens, as the formula', async () => {
    const length = 131;
    const options = { scaling: 'once', causal: true } as const;
    const inputs = [1, 2, 3].map((seed) => randomTensor([heads, batch, length, size], seed) as tf.Tensor4D);
    const projection = randomTensor([features, size], 4) as tf.Tensor2D;
    const values = await performerAttention(inputs[0], inputs[1], inputs[2], projection, options).data();
    const expected = naive(
      length,
      inputs.map((x) => Float64Array.from(x.dataSync())),
      Float64Array.from(projection.dataSync()),
      [length, length, length],
      options,
      [],
    );
    for (const [i, value] of expected.entries()) expect(Math.abs(values[i] - value)).toBeLessThan(1e-4);
  });

  test('causal: a later key, however large, changes no earlier output', async () => {
    const directions = [
      [1, 0],
      [0, 1],
      [-1, 0],
      [0, -1],
    ];
    const projection = tf.mul(tf.tensor2d(directions), Math.SQRT2) as tf.Tensor2D;
    const [q, v] = [
      tf.tensor4d([1, 0, 0, 1, 1, 1, 0, 0], [1, 1, 4, 2]),
      tf.tensor4d([1, 2, 3, 4], [1, 1, 4, 1]),
    ];
    const attend = async (last: number, causal: boolean): Promise<number[]> => {
      const k = tf.tensor4d([2, 0, 0, 2, -1, 0, last, last], [1, 1, 4, 2]);
      return [...(await performerAttention(q, k, v, projection, { scaling: 'once', causal }).data())];
    };
    const before = await attend(0, true);
    for (const [i, right] of [1, 1.7211, 1.75727].entries()) expect(before[i]).toBeCloseTo(right, 4);
    expect((await attend(20, true)).slice(0, 3)).toEqual(before.slice(0, 3));
    expect((await attend(1e4, true)).slice(0, 3)).toEqual(before.slice(0, 3));
  });

  test.each(['softmax', 'relu'] as const)('exact mask, %s: one real key gives its value', async (kernel) => {
    const q = tf.tensor4d([1, 0, 0, 1], [1, 1, 2, 2]);
    const v = tf.tensor4d([1, 2, 3, 4], [1, 1, 2, 2]);
    const projection = randomTensor([features, 2], 1) as tf.Tensor2D;
    const attend = async (mask: number[], causal: boolean): Promise<number[]> => {
      const options = { kernel, causal, mask: tf.tensor2d([mask]), maskMode: 'exact' } as const;
      return [...(await performerAttention(q, q, v, projection, options).data())];
    };
    for (const causal of [false, true]) {
      for (const [i, value] of (await attend([1, 0], causal)).entries()) {
        expect(value).toBeCloseTo([1, 2, 1, 2][i], 5);
      }
      expect(await attend([0, 0], causal)).toEqual([0, 0, 0, 0]);
    }
  });

  test('with many features, softmax attention', async () => {
    const [length, count] = [9, 4096];
    const inputs = [1, 2, 3].map((seed) => tf.mul(randomTensor([1, 1, length, 4], seed), 0.7) as tf.Tensor4D);
    const [q, k, v] = inputs;
    const projection = new OrthogonalFeatures({ stream: 'test' }).apply([count, 4]) as tf.Tensor2D;
    const favor = performerAttention(q, k, v, projection, { scaling: 'once' });
    const exact = tf.matMul(tf.softmax(tf.mul(tf.matMul(q, k, false, true), 0.5)), v);
    // 4096 features leave about 1 / sqrt(4096) = 1.6 % of chance.
    expect((await tf.max(tf.abs(tf.sub(favor, exact))).data())[0]).toBeLessThan(0.05);
  });
});

/** X X^T of one block's unit rows is I, and the rows' squared lengths are chi-squared with p degrees of freedom. */
async function expectOrthogonalBlocks(rows: tf.Tensor2D, size: number): Promise<void> {
  const values = await rows.data();
  const count = rows.shape[0];
  const product = (i: number, j: number): number => {
    let sum = 0;
    for (let c = 0; c < size; c++) sum += values[i * size + c] * values[j * size + c];
    return sum;
  };
  let [mean, square] = [0, 0];
  for (let i = 0; i < count; i++) {
    mean += product(i, i) / count;
    square += product(i, i) ** 2 / count;
    for (let j = i - (i % size); j < i; j++) {
      expect(Math.abs(product(i, j)) / Math.sqrt(product(i, i) * product(j, j))).toBeLessThan(1e-4);
    }
  }
  // Mean p and variance 2 p, each within five standard deviations of its estimate.
  expect(Math.abs(mean - size)).toBeLessThan(5 * Math.sqrt((2 * size) / count));
  expect(Math.abs((square - mean ** 2) / (2 * size) - 1)).toBeLessThan(
    5 * Math.sqrt((2 + 12 / size) / count),
  );
}

describe('random features', () => {
  test('are orthogonal in blocks and as long as Gaussian rows, drawn on the host or on the device', async () => {
    const [count, size] = [403, 8];
    const host = new OrthogonalFeatures({ seed: 3, stream: 'test' }).apply([count, size]) as tf.Tensor2D;
    await expectOrthogonalBlocks(host, size);
    await expectOrthogonalBlocks(orthogonalFeatures(count, size, randomKey(3)), size);
  });

  test('are the same numbers for the same seed', () => {
    const draw = (): Float32Array =>
      new OrthogonalFeatures({ seed: 1, stream: 'a' }).apply([3, 2]).dataSync() as Float32Array;
    expect(draw()).toEqual(draw());
    const stream = new RandomStream(1, 'weights/a');
    const [x, y, a, b] = Array.from({ length: 4 }, () => stream.normal());
    const [first] = draw();
    expect(first).toBeCloseTo((x / Math.hypot(x, y)) * Math.hypot(a, b), 5);
  });
});

describe('PerformerAttention', () => {
  test('draws anew in training where it is asked to, and from the key', async () => {
    const layer = new PerformerAttention({ heads: 2, randomFeatures: 6, redraw: true });
    const x = randomTensor([1, 5, 4], 1);
    const call = async (training: boolean, key: number): Promise<ArrayLike<number>> =>
      withRandomKey(randomKey(key), () => layer.apply(x, { training }) as tf.Tensor).data();
    const still = await call(false, 1);
    expect(await call(false, 2)).toEqual(still);
    const drawn = await call(true, 1);
    expect(await call(true, 1)).toEqual(drawn);
    expect(drawn).not.toEqual(still);
    expect(await call(true, 2)).not.toEqual(drawn);
    const compiled = jit((given: tf.Tensor, key: tf.Tensor1D) =>
      withRandomKey(key, () => layer.apply(given, { training: true }) as tf.Tensor),
    );
    const values = await compiled(x, randomKey(1)).data();
    for (const [i, value] of values.entries()) expect(value).toBeCloseTo(drawn[i], 5);
    expect(layerWeights(layer).get('projection')?.trainable).toBe(false);
  });
});
