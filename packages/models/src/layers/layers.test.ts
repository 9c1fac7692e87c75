import { RandomStream } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { LayerNorm } from './layer-norm.js';
import { LearnedPositions } from './learned-positions.js';
import { MaskTokens, MeanTokens, NonZeroMask } from './masks.js';
import { PairFeatures } from './pair-features.js';

const values = async (tensor: tf.Tensor): Promise<number[]> => [...(await tensor.data())];

function expectClose(actual: number[], expected: number[], tolerance = 1e-5): void {
  expect(actual.length).toBe(expected.length);
  for (const [i, value] of expected.entries())
    expect(Math.abs(actual[i] - value)).toBeLessThanOrEqual(tolerance);
}

describe('LayerNorm', () => {
  const stream = new RandomStream(1, 'test');
  const x = Float32Array.from({ length: 24 }, () => 3 * stream.normal() + 1);
  const gamma = [0.5, -1, 2, 1.5];
  const beta = [0.1, 0.2, -0.3, 0];

  test('equals the formula in double precision', async () => {
    const layer = new LayerNorm();
    const input = tf.tensor3d(x, [2, 3, 4]);
    layer.apply(input);
    layer.setWeights([tf.tensor1d(gamma), tf.tensor1d(beta)]);
    const expected: number[] = [];
    for (let row = 0; row < 6; row++) {
      const v = [...x.slice(4 * row, 4 * row + 4)];
      const mean = v.reduce((a, b) => a + b) / 4;
      const variance = v.reduce((a, b) => a + (b - mean) ** 2, 0) / 4;
      expected.push(
        ...v.map((value, i) => ((value - mean) / Math.sqrt(variance + 1e-5)) * gamma[i] + beta[i]),
      );
    }
    expectClose(await values(layer.apply(input) as tf.Tensor), expected);
  });

  test('its gradient is the difference quotient', async () => {
    const layer = new LayerNorm();
    layer.apply(tf.tensor2d(x, [6, 4]));
    layer.setWeights([tf.tensor1d(gamma), tf.tensor1d(beta)]);
    const loss = (t: tf.Tensor): tf.Scalar => tf.sum(tf.square(layer.apply(t) as tf.Tensor)) as tf.Scalar;
    const [gradient] = [await values(tf.grad(loss)(tf.tensor2d(x, [6, 4])))];
    const step = 1e-2;
    for (const i of [0, 5, 23]) {
      const at = async (sign: number): Promise<number> => {
        const moved = Float32Array.from(x, (value, j) => (j === i ? value + sign * step : value));
        return (await loss(tf.tensor2d(moved, [6, 4])).data())[0];
      };
      // The quotient's own error: third derivatives times the step's square, and float32 rounding over the step.
      expect(Math.abs((await at(1)) - (await at(-1)) - 2 * step * gradient[i])).toBeLessThan(2e-3);
    }
  });
});

test('LearnedPositions scales, adds the first N positions, and refuses longer sequences', async () => {
  const layer = new LearnedPositions({ name: 'p', maxLength: 3, scale: 2, distribution: 'uniform' });
  layer.apply(tf.zeros([1, 3, 2]));
  const [table] = layer.getWeights();
  expect(Math.max(...(await values(table)).map(Math.abs))).toBeLessThanOrEqual(0.02);
  layer.setWeights([tf.tensor2d([1, 2, 3, 4, 5, 6], [3, 2])]);
  expect(await values(layer.apply(tf.ones([1, 2, 2])) as tf.Tensor)).toEqual([3, 4, 5, 6]);
  expect(() => layer.apply(tf.ones([1, 4, 2]))).toThrow(/'p' has positions for 3 tokens, got 4/);
});

test('masks', async () => {
  const mask = new NonZeroMask().apply(tf.tensor2d([[3, 0, 1]], [1, 3], 'int32')) as tf.Tensor;
  expect(mask.dtype).toBe('float32');
  expect(await values(mask)).toEqual([1, 0, 1]);
  const x = tf.tensor3d([1, 2, 3, 4, 5, 6], [1, 3, 2]);
  expect(await values(new MaskTokens().apply([x, mask]) as tf.Tensor)).toEqual([1, 2, 0, 0, 5, 6]);
  expectClose(await values(new MeanTokens().apply([x, mask]) as tf.Tensor), [2, 8 / 3]);
});

test('PairFeatures', async () => {
  const pair = new PairFeatures().apply([tf.tensor2d([[1, 2]]), tf.tensor2d([[3, 5]])]) as tf.Tensor;
  expect(await values(pair)).toEqual([1, 2, 3, 5, 3, 10, -2, -3]);
});
