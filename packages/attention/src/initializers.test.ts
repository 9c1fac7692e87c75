import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import {
  initializerConfig,
  OrthogonalHeads,
  SeededNormal,
  SeededUniform,
  torchUniform,
} from './initializers.js';
import { layerWeights as weightsOf } from './layer.js';
import { PrimalAttention } from './mechanisms/primal/layer.js';
import { SoftmaxAttention } from './mechanisms/softmax/layer.js';

/** How far a float32 sum of squares of about 1 may be from 1. */
const rounding = 1e-6;

async function drawn(
  initializer: { apply(shape: number[]): tf.Tensor },
  shape: number[],
): Promise<Float32Array> {
  return (await initializer.apply(shape).data()) as Float32Array;
}

describe('OrthogonalHeads', () => {
  test.each([
    [2, 20, 4],
    [8, 26, 40],
    [4, 1, 4],
  ])('heads of [%i, %i, %i] are orthonormal', async (heads, count, rank) => {
    const w = await drawn(new OrthogonalHeads({ stream: 'we' }), [heads, count, rank]);
    const size = count * rank;
    for (let a = 0; a < heads; a++) {
      for (let b = 0; b < heads; b++) {
        let sum = 0;
        for (let i = 0; i < size; i++) sum += w[a * size + i] * w[b * size + i];
        expect(Math.abs(sum - (a === b ? 1 : 0))).toBeLessThan(rounding);
      }
    }
  });

  test('the diagonal of W_e[h]^T W_e[h] is about 1 / s', async () => {
    const [heads, count, rank] = [2, 200, 20];
    const w = await drawn(new OrthogonalHeads({ stream: 'we' }), [heads, count, rank]);
    for (let h = 0; h < heads; h++) {
      for (let s = 0; s < rank; s++) {
        let square = 0;
        for (let i = 0; i < count; i++) square += w[(h * count + i) * rank + s] ** 2;
        // A chi-squared variable of 200 degrees: standard deviation 0.1 / s. The seed is fixed.
        expect(Math.abs(square * rank - 1)).toBeLessThan(0.4);
      }
    }
  });

  test('more heads than entries are refused', () => {
    expect(() => new OrthogonalHeads({ stream: 'we' }).apply([5, 2, 2])).toThrow(/H <= n s.*5,2,2/);
  });
});

describe('seeds', () => {
  const initializers = (seed: number, stream: string) => [
    new OrthogonalHeads({ seed, stream }),
    new SeededUniform({ seed, stream, min: -1, max: 2 }),
    new SeededNormal({ seed, stream, std: 0.02 }),
  ];

  test('the same seed and stream give the same numbers, others do not', async () => {
    const shape = [2, 3, 4];
    for (let i = 0; i < 3; i++) {
      const first = await drawn(initializers(7, 'a')[i], shape);
      expect(await drawn(initializers(7, 'a')[i], shape)).toEqual(first);
      expect(await drawn(initializers(8, 'a')[i], shape)).not.toEqual(first);
      expect(await drawn(initializers(7, 'b')[i], shape)).not.toEqual(first);
    }
  });

  test("initializers survive a layer's configuration", async () => {
    const layer = tf.layers.dense({
      units: 3,
      kernelInitializer: initializerConfig(torchUniform(2, { seed: 3, stream: 'x' })),
    });
    const copy = tf.layers.dense(layer.getConfig() as never);
    const [kernel, again] = await Promise.all(
      [layer, copy].map(async (dense) => {
        dense.build([null, 2]);
        return dense.getWeights()[0].data();
      }),
    );
    expect(again).toEqual(kernel);
  });
});

test('uniform and normal numbers have their moments', async () => {
  const count = 20_000;
  const uniform = await drawn(torchUniform(16, { stream: 'u' }), [count]);
  expect(Math.max(...uniform)).toBeLessThanOrEqual(0.25);
  expect(Math.min(...uniform)).toBeGreaterThanOrEqual(-0.25);
  const meanOf = (x: Float32Array) => x.reduce((a, b) => a + b, 0) / count;
  const varianceOf = (x: Float32Array) => x.reduce((a, b) => a + b * b, 0) / count;
  // Five standard errors: 0.25 / sqrt(3 n) = 0.001.
  expect(Math.abs(meanOf(uniform))).toBeLessThan(0.005);
  expect(varianceOf(uniform) / (0.0625 / 3)).toBeCloseTo(1, 1);
  const normal = await drawn(new SeededNormal({ stream: 'n', std: 0.02 }), [count]);
  expect(Math.abs(meanOf(normal))).toBeLessThan(0.001);
  expect(varianceOf(normal) / 0.0004).toBeCloseTo(1, 1);
});

describe('layers start as the official code does', () => {
  test('PrimalAttention', async () => {
    const layer = new PrimalAttention({ name: 'p', heads: 2, rank: 3, landmarks: 10, seed: 1 });
    layer.apply(tf.input({ shape: [12, 8] }));
    const shapes = Object.fromEntries([...weightsOf(layer)].map(([name, { shape }]) => [name, shape]));
    expect(shapes).toEqual({
      'query/kernel': [8, 8],
      'query/bias': [8],
      'key/kernel': [8, 8],
      'key/bias': [8],
      we: [2, 10, 3],
      wr: [2, 10, 3],
      lambda: [2, 3],
      'combine/kernel': [6, 4],
      'combine/bias': [4],
      'output/kernel': [8, 8],
      'output/bias': [8],
    });
    const bounds = { query: 8, key: 8, combine: 6, output: 8 };
    for (const [name, fanIn] of Object.entries(bounds)) {
      for (const part of ['kernel', 'bias']) {
        const values = (await weightsOf(layer).get(`${name}/${part}`)?.data()) as Float32Array;
        expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(1 / Math.sqrt(fanIn));
        expect(Math.max(...values)).toBeGreaterThan(Math.min(...values));
      }
    }
    const lambda = (await weightsOf(layer).get('lambda')?.data()) as Float32Array;
    expect(Math.min(...lambda)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...lambda)).toBeLessThan(1);
    expect(await weightsOf(layer).get('we')?.data()).not.toEqual(await weightsOf(layer).get('wr')?.data());
  });

  test("weights follow from the seed and the layer's name, not from what else exists", async () => {
    const kernelOf = async (name: string, seed: number) => {
      const layer = new SoftmaxAttention({ name, heads: 2, seed });
      layer.apply(tf.input({ shape: [5, 4] }));
      return weightsOf(layer).get('query/kernel')?.data();
    };
    const first = await kernelOf('a', 1);
    expect(await kernelOf('a', 1)).toEqual(first);
    expect(await kernelOf('b', 1)).not.toEqual(first);
    expect(await kernelOf('a', 2)).not.toEqual(first);
  });

  test('a Primal layer has 2(d^2+d) + (2sp+p) + (d^2+d) + 2Hns + Hs parameters, a softmax layer 4(d^2+d)', () => {
    const [d, heads, rank, n] = [64, 2, 20, 200];
    const p = d / heads;
    const primal = new PrimalAttention({ heads, rank, landmarks: n });
    primal.build([null, 2048, d]);
    expect(primal.countParams()).toBe(
      3 * (d * d + d) + (2 * rank * p + p) + 2 * heads * n * rank + heads * rank,
    );
    const softmax = new SoftmaxAttention({ heads });
    softmax.build([null, 2048, d]);
    expect(softmax.countParams()).toBe(4 * (d * d + d));
  });
});
