import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { oneCycle, type Rates } from '../schedule.js';
import { loadOptimizerTraces, relativeError } from '../testing/golden.js';
import { naiveAdamW, naiveRAdam, naiveState } from '../testing/naive-optimizers.js';
import { AdamW } from './adamw.js';
import type { MomentOptimizer } from './moment-optimizer.js';
import { RAdam } from './radam.js';

const trace = loadOptimizerTraces();
const steps = 30;
const size = 5;

const cycle = oneCycle({ maxLearningRate: 0.15, totalSteps: steps, warmupSteps: 6 });
const adamw = { beta2: 0.999, epsilon: 1e-6 };
const radam = { beta2: 0.999, epsilon: 1e-8 };
const cases = [
  {
    name: 'adamw_onecycle',
    Optimizer: AdamW,
    naive: naiveAdamW,
    settings: { ...adamw, weightDecay: 0 },
    schedule: cycle,
  },
  {
    name: 'adamw_onecycle_wd',
    Optimizer: AdamW,
    naive: naiveAdamW,
    settings: { ...adamw, weightDecay: 0.05 },
    schedule: cycle,
  },
  {
    name: 'radam',
    Optimizer: RAdam,
    naive: naiveRAdam,
    settings: { ...radam, weightDecay: 0 },
    schedule: undefined,
  },
  {
    name: 'radam_wd',
    Optimizer: RAdam,
    naive: naiveRAdam,
    settings: { ...radam, weightDecay: 0.05 },
    schedule: undefined,
  },
];

function ratesAt(
  schedule: ((step: number) => Rates) | undefined,
  step: number,
): { learningRate: number; beta1: number } {
  return { learningRate: 0.075, beta1: 0.9, ...schedule?.(step) };
}

/** f(x) = 1/2 (x - c)^T A (x - c) + 0.05 sum x^4. */
function objective(x: tf.Tensor1D, matrix: tf.Tensor2D, centre: tf.Tensor1D): tf.Scalar {
  const offset = tf.sub(x, centre) as tf.Tensor1D;
  const quadratic = tf.mul(0.5, tf.sum(tf.mul(offset, tf.matMul(matrix, offset.expandDims(1)).squeeze([1]))));
  return tf.add(quadratic, tf.mul(0.05, tf.sum(tf.square(tf.square(x))))) as tf.Scalar;
}

function objectiveGradient(
  x: Float64Array,
  matrix: ArrayLike<number>,
  centre: ArrayLike<number>,
): Float64Array {
  return x.map((value, i) => {
    let sum = 0.2 * value ** 3;
    for (let j = 0; j < size; j++) sum += matrix[i * size + j] * (x[j] - centre[j]);
    return sum;
  });
}

describe.each(cases)('$name', ({ name, Optimizer, naive, settings, schedule }) => {
  it('is what the formulas give in float64', () => {
    const params = trace(`${name}.out.params`);
    const state = naiveState(params.subarray(0, size));
    for (let step = 0; step < steps; step++) {
      const gradient = objectiveGradient(state.x, trace(`${name}.in.A`), trace(`${name}.in.c`));
      naive(state, gradient, ratesAt(schedule, step), settings);
      // The golden file's own tolerance for float64.
      expect(relativeError(state.x, params.subarray((step + 1) * size, (step + 2) * size))).toBeLessThan(
        1e-10,
      );
    }
    expect(relativeError(state.m, trace(`${name}.out.exp_avg`))).toBeLessThan(1e-10);
    expect(relativeError(state.v, trace(`${name}.out.exp_avg_sq`))).toBeLessThan(1e-10);
  });

  it('is what the optimizer gives in float32, with gradients of the tape', () => {
    const params = trace(`${name}.out.params`);
    const matrix = tf.tensor2d(Float32Array.from(trace(`${name}.in.A`)), [size, size]);
    const centre = tf.tensor1d(Float32Array.from(trace(`${name}.in.c`)));
    const x = tf.variable(tf.tensor1d(Float32Array.from(params.subarray(0, size))));
    const optimizer: MomentOptimizer = new Optimizer({ ...settings, learningRate: 0.075 });
    const values: number[] = [];
    const losses: number[] = [];
    for (let step = 0; step < steps; step++) {
      Object.assign(optimizer, ratesAt(schedule, step));
      const loss = optimizer.minimize(() => objective(x as tf.Tensor as tf.Tensor1D, matrix, centre), true, [
        x,
      ])!;
      losses.push(loss.dataSync()[0]);
      values.push(...x.dataSync());
      loss.dispose();
    }
    // The golden file's tolerance for float32; after 30 steps in a closed loop the weights are 3e-7 off.
    expect(relativeError(values, params.subarray(size))).toBeLessThan(1e-5);
    expect(relativeError(values, trace(`${name}.out.params_f32`).subarray(size))).toBeLessThan(1e-5);
    expect(relativeError(losses, trace(`${name}.out.loss`))).toBeLessThan(1e-5);
    const state = optimizer.state();
    expect(relativeError(state[`${x.name}/m`].dataSync(), trace(`${name}.out.exp_avg`))).toBeLessThan(1e-5);
    expect(relativeError(state[`${x.name}/v`].dataSync(), trace(`${name}.out.exp_avg_sq`))).toBeLessThan(
      1e-5,
    );
    expect(optimizer.iterations).toBe(steps);
    optimizer.dispose();
    tf.dispose([x, matrix, centre]);
  });
});
