import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { clipByGlobalNorm } from './clip.js';

function clip(values: number[][], maxNorm: number): { gradients: number[][]; norm: number } {
  const tensors = Object.fromEntries(values.map((row, i) => [`g${i}`, tf.tensor1d(row)]));
  const { gradients, norm } = clipByGlobalNorm(tensors, maxNorm);
  const result = {
    gradients: Object.values(gradients).map((gradient) => [...gradient.dataSync()]),
    norm: norm.dataSync()[0],
  };
  tf.dispose([tensors, gradients, norm]);
  return result;
}

it('scales all gradients by one factor, with the 1e-6 of PyTorch', () => {
  const { gradients, norm } = clip(
    [
      [3, 0],
      [0, 4, 12],
    ],
    6.5,
  );
  expect(norm).toBeCloseTo(13, 5);
  const scale = 6.5 / (13 + 1e-6);
  for (const [i, row] of [
    [3, 0],
    [0, 4, 12],
  ].entries()) {
    for (const [j, value] of row.entries()) expect(gradients[i][j]).toBeCloseTo(scale * value, 5);
  }
});

it('leaves gradients within the norm exactly as they are', () => {
  expect(clip([[0.1, -0.2], [0.3]], 4).gradients.flat()).toEqual([...Float32Array.of(0.1, -0.2, 0.3)]);
  expect(clip([[0, 0]], 4)).toEqual({ gradients: [[0, 0]], norm: 0 });
});

it('shows a norm that is not finite', () => {
  expect(clip([[Number.NaN, 1]], 1).norm).toBeNaN();
  expect(clip([[Number.POSITIVE_INFINITY, 1]], 1).gradients[0][0]).toBeNaN();
});

it('leaves out variables without a gradient, and says when none is left', () => {
  const { gradients, norm } = clipByGlobalNorm({ a: null, b: tf.tensor1d([3]) }, 1);
  expect(Object.keys(gradients)).toEqual(['b']);
  tf.dispose([gradients, norm]);
  expect(() => clipByGlobalNorm({ a: null }, 1)).toThrow('clipByGlobalNorm: there is no gradient');
  expect(() => clipByGlobalNorm({ a: tf.scalar(1) }, 0)).toThrow('maxNorm must be above 0, got 0');
});
