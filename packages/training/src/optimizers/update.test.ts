import { hasTileKernels, jit } from '@primal-attention/runtime';
import { mostAdamWWeights } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { gatherBatch } from '../batches.js';
import { oneCycle } from '../schedule.js';
import { interpretKernels } from '../testing/kernel-interpreter.js';
import { tinyData, tinyModel } from '../testing/tiny-model.js';
import { createTrainStep } from '../train-step.js';
import { AdamW } from './adamw.js';
import type { MomentOptimizer, MomentOptimizerOptions } from './moment-optimizer.js';
import { type NaiveState, naiveAdamW, naiveRAdam, naiveState } from './naive.js';
import { RAdam } from './radam.js';

const shapes: number[][] = [[], [3], [4, 5], [1, 2, 1, 600]];
const schedule = oneCycle({ maxLearningRate: 0.05, totalSteps: 12, warmupSteps: 4 });

/** Numbers in (-1, 1), others for each step and variable. */
const numbers = (shape: number[], seed: number): Float32Array =>
  Float32Array.from({ length: tf.util.sizeFromShape(shape) }, (_, i) => Math.sin(1 + seed + 1.7 * i));

const variablesOf = (shapes: number[][]): tf.Variable[] =>
  shapes.map((shape, i) => tf.tidy(() => tf.variable(tf.tensor(numbers(shape, i), shape))));

/** One step with gradients that follow from its number; a variable that is left out has none. */
function take(optimizer: MomentOptimizer, variables: tf.Variable[], step: number): Float32Array[] {
  Object.assign(optimizer, schedule(step));
  const gradients = variables.map(({ shape }, i) => numbers(shape, 100 * (step + 1) + i));
  tf.tidy(() =>
    optimizer.applyGradients(
      variables.map(({ name, shape }, i) => ({ name, tensor: tf.tensor(gradients[i], shape) })),
    ),
  );
  return gradients;
}

const optimizers: [string, (options: MomentOptimizerOptions) => MomentOptimizer, typeof naiveAdamW][] = [
  ['AdamW', (options) => new AdamW(options), naiveAdamW],
  ['RAdam', (options) => new RAdam(options), naiveRAdam],
];

afterEach(() => tf.disposeVariables());

describe.runIf(!hasTileKernels())('kernels where none run', () => {
  it.each(optimizers)('leave %s as it is, to the bit, compiled', (_, create) => {
    const [plain, byKernels] = [false, true].map((kernels) => {
      const variables = variablesOf(shapes);
      const optimizer = create({ learningRate: 0.1, weightDecay: 0.1, kernels });
      optimizer.build(variables);
      const step = jit(() => {
        const loss = (): tf.Scalar =>
          variables.map((x): tf.Scalar => tf.sum(tf.square(x))).reduce((sum, one) => tf.add(sum, one));
        optimizer.applyGradients(tf.variableGrads(loss, variables).grads);
        return tf.scalar(0);
      });
      for (let i = 0; i < 8; i++) {
        Object.assign(optimizer, schedule(i));
        step().dispose();
      }
      const moments = Object.values(optimizer.state());
      return [...variables, ...moments].map((tensor) => [...tensor.dataSync()]);
    });
    expect(byKernels).toEqual(plain);
  });
});

describe('by kernels', () => {
  let device: ReturnType<typeof interpretKernels>;
  const backend = tf.getBackend();
  beforeEach(async () => {
    // Compiled functions are called here, where the interpreter can run.
    await tf.setBackend('cpu');
    device = interpretKernels();
  });
  afterEach(async () => {
    device.remove();
    await tf.setBackend(backend);
  });

  it.each(
    optimizers.flatMap(([name, create, naive]) =>
      [0, 0.1].map((weightDecay) => ({ name, create, naive, weightDecay })),
    ),
  )('$name with decay $weightDecay follows its formulas, in one call', ({ create, naive, weightDecay }) => {
    const variables = variablesOf(shapes);
    const settings = { beta2: 0.99, epsilon: 1e-6, weightDecay };
    const optimizer = create({ learningRate: 1, ...settings, kernels: true });
    const states: NaiveState[] = variables.map((x) => naiveState(x.dataSync()));
    for (let step = 0; step < 12; step++) {
      const gradients = take(optimizer, variables, step);
      const { learningRate, beta1 = 0.9 } = schedule(step);
      for (const [i, state] of states.entries())
        naive(state, gradients[i], { learningRate, beta1 }, settings);
    }
    for (const [i, x] of variables.entries()) {
      const { [`${x.name}/m`]: m, [`${x.name}/v`]: v } = optimizer.state();
      for (const [given, expected] of [
        [x, states[i].x],
        [m, states[i].m],
        [v, states[i].v],
      ] as const) {
        // 12 float32 steps; single roundings are 6e-8.
        for (const [k, value] of given.dataSync().entries())
          expect(Math.abs(value - expected[k])).toBeLessThan(2e-6);
      }
    }
    expect(device.calls).toEqual(Array(12).fill('adamw'));
    expect(optimizer.iterations).toBe(12);
    optimizer.dispose();
  });

  it('leave alone what has no gradient', () => {
    const variables = variablesOf([[3], [3], [3]]);
    const optimizer = new AdamW({ learningRate: 1, weightDecay: 0.1, kernels: true });
    optimizer.build(variables);
    take(optimizer, [variables[0], variables[2]], 3);
    const [first, second, third] = variables.map((x) => [...x.dataSync()]);
    expect(second).toEqual([...numbers([3], 1)]);
    expect(first).not.toEqual([...numbers([3], 0)]);
    expect(third).not.toEqual([...numbers([3], 2)]);
    expect([...optimizer.state()[`${variables[1].name}/v`].dataSync()]).toEqual([0, 0, 0]);
    optimizer.dispose();
  });

  it('are as many as the weights need', () => {
    const many = Array.from({ length: 2 * mostAdamWWeights + 2 }, (_, i) => [1 + (i % 3)]);
    const [plain, byKernels] = [false, true].map((kernels) => {
      const variables = variablesOf(many);
      const optimizer = new AdamW({ learningRate: 0.1, kernels });
      take(optimizer, variables, 2);
      optimizer.dispose();
      return variables.map((x) => [...x.dataSync()]);
    });
    expect(device.calls).toEqual(['adamw', 'adamw', 'adamw']);
    for (const [i, values] of plain.entries()) {
      for (const [k, value] of values.entries()) expect(byKernels[i][k]).toBeCloseTo(value, 6);
    }
  });

  it('have states that formulas take over, and hold no tensor', () => {
    const before = tf.memory().numTensors;
    const variables = variablesOf(shapes);
    const byKernels = new RAdam({ learningRate: 1, kernels: true });
    take(byKernels, variables, 0);
    const during = tf.memory().numTensors;
    for (let step = 1; step < 6; step++) take(byKernels, variables, step);
    expect(tf.memory().numTensors).toBe(during);
    const plain = new RAdam({ learningRate: 1 });
    plain.build(variables);
    plain.loadState(byKernels.state());
    expect(plain.iterations).toBe(6);
    byKernels.dispose();
    plain.dispose();
    tf.dispose(variables);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('come after clipping in a step of training', () => {
    const data = tinyData();
    const [plain, byKernels] = [false, true].map((kernels) => {
      const { variables, metrics } = tinyModel();
      const optimizer = new AdamW({ learningRate: 0.05, epsilon: 1, kernels });
      const step = createTrainStep({ variables, optimizer, clipNorm: 0.01, loss: metrics });
      const batch = gatherBatch(
        data,
        Int32Array.from({ length: 11 }, (_, i) => i),
      );
      for (let i = 0; i < 3; i++) tf.dispose(step(batch));
      return Object.values(variables).map((x) => [...x.dataSync()]);
    });
    expect(device.calls).toEqual(['adamw', 'adamw', 'adamw']);
    for (const [i, values] of plain.entries()) {
      for (const [k, value] of values.entries()) expect(byKernels[i][k]).toBeCloseTo(value, 6);
    }
  });
});
