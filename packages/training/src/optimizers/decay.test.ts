import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { averageLength, decayOf, maximalLength, oneMinusPower } from './decay.js';
import { naiveLength } from './naive.js';

const steps = [
  1, 2, 3, 4, 5, 6, 7, 10, 30, 99, 100, 101, 500, 999, 1000, 1001, 5000, 20_000, 100_000, 1_000_000,
];
const betas = [0.5, 0.85, 0.9, 0.95, 0.98, 0.99, 0.999, 0.9999];

function read(fn: () => tf.Tensor): number {
  const result = tf.tidy(fn);
  const value = result.dataSync()[0];
  result.dispose();
  return value;
}

describe.each(betas)('beta %d', (beta) => {
  const decay = (): tf.Scalar => tf.scalar(decayOf(beta));

  it('1 - beta^t is right to float32 for every t', () => {
    for (const step of steps) {
      const exact = -Math.expm1(step * Math.log(beta));
      const value = read(() => oneMinusPower(decay(), tf.scalar(step)));
      // A few roundings of 6e-8, and the kernel's tanh.
      expect(Math.abs(value / exact - 1), `t = ${step}`).toBeLessThan(1e-6);
    }
  });

  it('N_sma is right to float32 for every t', () => {
    expect(Math.abs(read(() => maximalLength(decay())) / (2 / (1 - beta) - 1) - 1)).toBeLessThan(1e-6);
    for (const step of steps) {
      const value = read(() => averageLength(decay(), tf.scalar(step)));
      // The reference itself loses digits where beta^t is near 1: 1e-16 t / (1 - beta)^2.
      expect(Math.abs(value / naiveLength(beta, step) - 1), `t = ${step}`).toBeLessThan(2e-6);
    }
  });
});

it('takes beta 0', () => {
  expect(read(() => oneMinusPower(tf.scalar(decayOf(0)), tf.scalar(3)))).toBe(1);
  expect(read(() => averageLength(tf.scalar(decayOf(0)), tf.scalar(3)))).toBe(1);
});
