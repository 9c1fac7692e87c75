import { jit } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { AdamW } from './adamw.js';
import { naiveRAdam, naiveState } from './naive.js';
import { RAdam } from './radam.js';

const newVariable = (values: number[]): tf.Variable => tf.tidy(() => tf.variable(tf.tensor1d(values)));

describe('settings', () => {
  it('are checked', () => {
    expect(() => new RAdam({ learningRate: -1 })).toThrow(
      'RAdam: learningRate must be a number >= 0, got -1',
    );
    expect(() => new AdamW({ learningRate: Number.NaN })).toThrow(
      'AdamW: learningRate must be a number >= 0, got NaN',
    );
    expect(() => new AdamW({ learningRate: 1, beta1: 1 })).toThrow('beta1 must be a number in [0, 1), got 1');
    expect(() => new AdamW({ learningRate: 1, beta2: -0.1 })).toThrow('beta2');
    expect(() => new AdamW({ learningRate: 1, epsilon: -1 })).toThrow('epsilon');
    expect(() => new AdamW({ learningRate: 1, weightDecay: -1 })).toThrow('weightDecay');
    expect(() => new AdamW({ learningRate: 1, kernels: 'on' as never })).toThrow(
      'AdamW: kernels must be true or false, got on',
    );
    const withKernels = new AdamW({ learningRate: 1, kernels: true });
    expect(withKernels.getConfig()).toMatchObject({ weightDecay: 0, kernels: true });
    withKernels.dispose();
    const optimizer = new AdamW({ learningRate: 1 });
    expect(() => {
      optimizer.learningRate = Number.POSITIVE_INFINITY;
    }).toThrow('learningRate must be a number >= 0, got Infinity');
    expect(() => {
      optimizer.beta1 = 1;
    }).toThrow('beta1 must be a number in [0, 1), got 1');
    expect(optimizer.getConfig()).toEqual({
      learningRate: 1,
      beta1: 0.9,
      beta2: 0.999,
      epsilon: 1e-8,
      weightDecay: 0,
    });
    optimizer.dispose();
  });

  it('can change inside a compiled function, which is not traced again', () => {
    const x = newVariable([1, -2]);
    const target = tf.tensor1d([0.5, 0.5]);
    const optimizer = new RAdam({ learningRate: 0.1 });
    optimizer.build([x]);
    let calls = 0;
    const step = jit((to: tf.Tensor) => {
      calls++;
      return optimizer.minimize(() => tf.sum(tf.squaredDifference(x, to)) as tf.Scalar, true, [
        x,
      ]) as tf.Tensor;
    });
    const reference = naiveState([1, -2]);
    for (let i = 0; i < 12; i++) {
      const rates = { learningRate: 0.1 / (i + 1), beta1: 0.95 - 0.01 * i };
      Object.assign(optimizer, rates);
      step(target).dispose();
      const gradient = Float64Array.from(reference.x, (value) => 2 * (value - 0.5));
      naiveRAdam(reference, gradient, rates, { beta2: 0.999, epsilon: 1e-8, weightDecay: 0 });
    }
    // 12 float32 steps; single roundings are 6e-8.
    for (const [i, value] of x.dataSync().entries())
      expect(Math.abs(value - reference.x[i])).toBeLessThan(2e-6);
    expect(optimizer.iterations).toBe(12);
    expect(calls).toBe('jit' in tf.backend() ? 1 : 12);
    optimizer.dispose();
    tf.dispose([x, target]);
  });

  it('need no value on the device when they do not change', () => {
    const optimizer = new AdamW({ learningRate: 0.1 });
    const { dataId } = optimizer.step;
    const before = tf.memory().numTensors;
    optimizer.learningRate = 0.1;
    optimizer.beta1 = 0.9;
    expect(tf.memory().numTensors).toBe(before);
    expect(optimizer.step.dataId).toBe(dataId);
    optimizer.dispose();
  });
});

describe('variables', () => {
  it('without a gradient, or not trainable, are left alone', () => {
    const used = newVariable([1]);
    const unused = newVariable([2]);
    const fixed = tf.tidy(() => tf.variable(tf.tensor1d([3]), false));
    const optimizer = new AdamW({ learningRate: 0.1, weightDecay: 0.5 });
    optimizer.build([used, unused, fixed]);
    optimizer.minimize(() => tf.sum(tf.mul(used, fixed)) as tf.Scalar, false, [used, unused]);
    expect(used.dataSync()[0]).not.toBe(1);
    expect(unused.dataSync()[0]).toBe(2);
    expect(fixed.dataSync()[0]).toBe(3);
    expect(Object.keys(optimizer.state()).sort()).toEqual(
      ['step', `${used.name}/m`, `${used.name}/v`, `${unused.name}/m`, `${unused.name}/v`].sort(),
    );
    optimizer.dispose();
    tf.dispose([used, unused, fixed]);
  });

  it('get moments of their own from each optimizer, and on first use', () => {
    const x = newVariable([1]);
    const first = new RAdam({ learningRate: 0.1 });
    const second = new RAdam({ learningRate: 0.1 });
    for (const optimizer of [first, second, first]) optimizer.minimize(() => tf.sum(x) as tf.Scalar);
    expect(first.iterations).toBe(2);
    expect(second.iterations).toBe(1);
    expect(first.state()[`${x.name}/m`].dataSync()[0]).toBeCloseTo(0.19, 6);
    expect(second.state()[`${x.name}/m`].dataSync()[0]).toBeCloseTo(0.1, 6);
    tf.dispose([x]);
    first.dispose();
    second.dispose();
  });

  it('keep the number of tensors constant, and leave none behind', () => {
    const before = tf.memory().numTensors;
    const x = newVariable([1, 2, 3]);
    const optimizer = new RAdam({ learningRate: 0.1, weightDecay: 0.1 });
    optimizer.minimize(() => tf.sum(tf.square(x)) as tf.Scalar);
    const during = tf.memory().numTensors;
    for (let i = 0; i < 20; i++) {
      optimizer.learningRate = 0.1 / (i + 2);
      optimizer.minimize(() => tf.sum(tf.square(x)) as tf.Scalar);
    }
    expect(tf.memory().numTensors).toBe(during);
    optimizer.dispose();
    x.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('must exist when their gradients come', () => {
    const optimizer = new RAdam({ learningRate: 0.1 });
    const gradient = tf.tensor1d([1]);
    expect(() => optimizer.applyGradients({ nowhere: gradient })).toThrow(
      "RAdam.applyGradients: there is no variable 'nowhere'",
    );
    expect(optimizer.iterations).toBe(0);
    gradient.dispose();
    optimizer.dispose();
  });
});

describe('state', () => {
  const run = (optimizer: AdamW, x: tf.Variable, steps: number): void => {
    for (let i = 0; i < steps; i++) optimizer.minimize(() => tf.sum(tf.square(x)) as tf.Scalar, false, [x]);
  };

  it('continues bit by bit in another optimizer', () => {
    const x = newVariable([1, -3]);
    const y = newVariable([0, 0]);
    const first = new AdamW({ learningRate: 0.1 });
    const second = new AdamW({ learningRate: 0.1 });
    first.build({ weight: x });
    second.build({ weight: y });
    run(first, x, 7);
    y.assign(x.clone());
    second.loadState(first.state());
    run(first, x, 5);
    run(second, y, 5);
    expect([...y.dataSync()]).toEqual([...x.dataSync()]);
    expect(second.iterations).toBe(12);
    expect(Object.keys(first.state())).toEqual(['step', 'weight/m', 'weight/v']);
    first.dispose();
    // What was loaded does not depend on its source.
    expect(second.state()['weight/m'].dataSync()).toHaveLength(2);
    second.dispose();
    tf.dispose([x, y]);
  });

  it('of other variables is refused whole', () => {
    const x = newVariable([1, -3]);
    const optimizer = new AdamW({ learningRate: 0.1 });
    optimizer.build({ weight: x });
    run(optimizer, x, 1);
    const state = optimizer.state();
    const short = tf.tensor1d([1]);
    const step = tf.scalar(99, 'int32');
    expect(() => optimizer.loadState({ step: state.step, 'weight/m': state['weight/m'] })).toThrow(
      'missing: [weight/v], unknown: []',
    );
    expect(() => optimizer.loadState({ ...state, 'other/m': short })).toThrow('unknown: [other/m]');
    expect(() => optimizer.loadState({ ...state, step, 'weight/v': short })).toThrow(
      "AdamW.loadState: 'weight/v' must be float32 [2], got float32 [1]",
    );
    expect(optimizer.iterations).toBe(1);
    optimizer.dispose();
    tf.dispose([x, short, step]);
  });
});

it('trains a stock LayersModel', async () => {
  const model = tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [2] })] });
  const optimizer = new RAdam({ learningRate: 0.05 });
  model.compile({ optimizer, loss: 'meanSquaredError' });
  const x = tf.tensor2d([
    [0, 1],
    [1, 0],
    [1, 1],
    [2, 1],
  ]);
  const y = tf.tensor2d([[1], [2], [3], [5]]);
  const { history } = await model.fit(x, y, { epochs: 40, batchSize: 4, verbose: 0 });
  expect(history.loss.at(-1)).toBeLessThan(0.5 * (history.loss[0] as number));
  expect(optimizer.iterations).toBe(40);
  optimizer.dispose();
  model.dispose();
  tf.dispose([x, y]);
});
