import * as tf from '@tensorflow/tfjs';
import { expect } from 'vitest';
import { randomTensor } from './random-tensor.js';

/** A formula in loops: from the numbers of each tensor, in double precision, to the output's. */
export type Naive = (...inputs: Float64Array[]) => Float64Array;

const step = 1e-5;

/** Gradients of sum_i weights_i f(inputs)_i, by central differences. */
export function numericGradients(
  f: Naive,
  inputs: readonly Float64Array[],
  weights: ArrayLike<number>,
): Float64Array[] {
  const loss = (at: Float64Array[]): number =>
    f(...at).reduce((sum, value, i) => sum + value * weights[i], 0);
  return inputs.map((input, k) =>
    input.map((_, i) => {
      const shifted = (by: number): number =>
        loss(inputs.map((other, j) => (j === k ? other.map((x, m) => (m === i ? x + by : x)) : other)));
      return (shifted(step) - shifted(-step)) / (2 * step);
    }),
  );
}

/** Output and gradients of a function of ours against those given, or those of the naive formula by differences. */
export function expectAsNaive(
  ours: (...inputs: tf.Tensor[]) => tf.Tensor,
  naive: Naive,
  inputs: readonly tf.Tensor[],
  {
    tolerance = 1e-4,
    gradients,
  }: { tolerance?: number; gradients?: (w: Float32Array) => Float64Array[] } = {},
): void {
  const output = ours(...inputs);
  const w = randomTensor(output.shape, 99);
  const found = [output, ...tf.grads((...at: tf.Tensor[]) => tf.sum(tf.mul(ours(...at), w)))([...inputs])];
  const numbers = inputs.map((input) => Float64Array.from(input.dataSync()));
  const weights = w.dataSync() as Float32Array;
  const expected = [
    naive(...numbers),
    ...(gradients?.(weights) ?? numericGradients(naive, numbers, weights)),
  ];
  for (const [k, tensor] of found.entries()) {
    const what = k === 0 ? 'output' : `gradient ${k - 1}`;
    const values = tensor.dataSync();
    expect(values.length, what).toBe(expected[k].length);
    const largest = expected[k].reduce((most, value) => Math.max(most, Math.abs(value)), 1);
    let worst = 0;
    for (const [i, value] of expected[k].entries()) {
      const error = Math.abs(values[i] - value) / largest;
      if (!(error <= worst)) worst = error;
    }
    expect(worst, what).toBeLessThanOrEqual(tolerance);
  }
}
