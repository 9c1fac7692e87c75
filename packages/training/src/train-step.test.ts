import { isTracing, type RandomKey, randomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { gatherBatch } from './batches.js';
import { AdamW } from './optimizers/adamw.js';
import { RAdam } from './optimizers/radam.js';
import { tinyData, tinyModel } from './testing/tiny-model.js';
import { createTrainStep } from './train-step.js';

const newVariable = (values: number[]): tf.Variable => tf.tidy(() => tf.variable(tf.tensor1d(values)));
const wholeBatch = () =>
  gatherBatch(
    tinyData(),
    Int32Array.from({ length: 11 }, (_, i) => i),
  );
const read = (outputs: Readonly<Record<string, tf.Tensor>>): Record<string, number> => {
  const numbers = Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [name, value.dataSync()[0]]),
  );
  tf.dispose(outputs);
  return numbers;
};

describe('createTrainStep', () => {
  it('returns the loss before the update and the metrics, and clips', () => {
    const x = newVariable([3, 4]);
    const optimizer = tf.train.sgd(1);
    const step = createTrainStep({
      variables: [x],
      optimizer,
      clipNorm: 1,
      loss: (scale: tf.Tensor) => {
        const loss = tf.sum(tf.mul(tf.square(x), scale));
        return { loss, metrics: { same: loss, first: x.slice([0], [1]), outside: scale } };
      },
    });
    const half = tf.scalar(0.5);
    const outputs = step(half);
    expect(outputs.first.shape).toEqual([1]);
    expect(read(outputs)).toEqual({ loss: 12.5, same: 12.5, first: 3, outside: 0.5 });
    // The gradient is x, of norm 5.
    const [a, b] = x.dataSync();
    expect(a).toBeCloseTo(3 - 3 / 5, 5);
    expect(b).toBeCloseTo(4 - 4 / 5, 5);
    // A metric that came from outside is still alive.
    expect(half.dataSync()[0]).toBe(0.5);
    tf.dispose([x, half]);
    optimizer.dispose();
  });

  it('keeps the number of tensors constant', () => {
    const before = tf.memory().numTensors;
    const model = tinyModel();
    const optimizer = new RAdam({ learningRate: 0.01 });
    const step = createTrainStep({ variables: model.variables, optimizer, loss: model.loss, clipNorm: 1 });
    const batch = wholeBatch();
    const keys = Array.from({ length: 4 }, (_, i) => randomKey(i));
    tf.dispose(step(batch, keys[0]));
    const during = tf.memory().numTensors;
    for (let i = 0; i < 40; i++) tf.dispose(step(batch, keys[i % 4]));
    expect(tf.memory().numTensors).toBe(during);
    tf.dispose(batch);
    tf.dispose(keys);
    optimizer.dispose();
    model.dispose();
    expect(tf.memory().numTensors).toBe(before);
  });

  it('draws dropout from the key alone', () => {
    const losses = (keys: RandomKey[]): number[] => {
      const model = tinyModel();
      const optimizer = new RAdam({ learningRate: 0 });
      const step = createTrainStep({ variables: model.variables, optimizer, loss: model.loss });
      const batch = wholeBatch();
      const result = keys.map((key) => read(step(batch, key)).loss);
      tf.dispose(batch);
      optimizer.dispose();
      model.dispose();
      return result;
    };
    const keys = [randomKey(1), randomKey(2), randomKey(1)];
    const [first, second, third] = losses(keys);
    expect(second).not.toBe(first);
    expect(third).toBe(first);
    expect(losses(keys)).toEqual([first, second, third]);
    tf.dispose(keys);
  });

  it('is traced once, while a schedule changes the rates', () => {
    const x = newVariable([1]);
    const optimizer = new AdamW({ learningRate: 0.1, beta1: 0.95 });
    let traces = 0;
    const step = createTrainStep({
      variables: { x },
      optimizer,
      loss: (slope: tf.Tensor) => {
        if (isTracing()) traces++;
        return { loss: tf.sum(tf.mul(x, slope)) };
      },
    });
    const one = tf.scalar(1);
    const positions = [1];
    for (const learningRate of [0.1, 0.2, 0]) {
      optimizer.learningRate = learningRate;
      tf.dispose(step(one));
      positions.push(x.dataSync()[0]);
    }
    // With a constant gradient of 1 each step of Adam is the learning rate.
    expect(positions[1]).toBeCloseTo(0.9, 6);
    expect(positions[2]).toBeCloseTo(0.7, 6);
    expect(positions[3]).toBe(positions[2]);
    expect(traces).toBe('jit' in tf.backend() ? 1 : 0);
    tf.dispose([x, one]);
    optimizer.dispose();
  });

  it('refuses what it cannot train', () => {
    const x = newVariable([1, 2]);
    const fixed = tf.tidy(() => tf.variable(tf.scalar(1), false));
    const optimizer = new RAdam({ learningRate: 0.1 });
    const scalarLoss = () => ({ loss: tf.sum(x) });
    expect(() => createTrainStep({ variables: [fixed], optimizer, loss: scalarLoss })).toThrow(
      'createTrainStep: none of the 1 variables is trainable',
    );
    expect(() => createTrainStep({ variables: [x], optimizer, loss: scalarLoss, clipNorm: 0 })).toThrow(
      'clipNorm must be above 0, got 0',
    );
    const one = tf.scalar(1);
    const vectorLoss = createTrainStep({ variables: [x], optimizer, loss: () => ({ loss: tf.square(x) }) });
    expect(() => vectorLoss(one)).toThrow('with a scalar loss, got shape [2]; take its mean');
    const twice = createTrainStep({
      variables: [x],
      optimizer,
      loss: () => ({ loss: tf.sum(x), metrics: { loss: tf.sum(x) } }),
    });
    expect(() => twice(one)).toThrow("a metric named 'loss'");
    tf.dispose([x, fixed, one]);
    optimizer.dispose();
  });
});

describe('optimizers of tf.train', () => {
  const stock: [string, () => tf.Optimizer][] = [
    ['sgd', () => tf.train.sgd(0.1)],
    ['momentum', () => tf.train.momentum(0.1, 0.9)],
    ['adagrad', () => tf.train.adagrad(0.1)],
    ['adadelta', () => tf.train.adadelta(0.1)],
    ['adam', () => tf.train.adam(0.1)],
    ['adamax', () => tf.train.adamax(0.1)],
    ['rmsprop', () => tf.train.rmsprop(0.1)],
  ];

  it.each(stock)('%s does in a step what minimize does', (_, create) => {
    const x = newVariable([1, -2]);
    const y = newVariable([1, -2]);
    const one = tf.scalar(1);
    const loss = (variable: tf.Variable) => tf.sum(tf.square(variable)) as tf.Scalar;
    const inStep = create();
    const plain = create();
    const step = createTrainStep({ variables: [x], optimizer: inStep, loss: () => ({ loss: loss(x) }) });
    for (let i = 0; i < 5; i++) {
      tf.dispose(step(one));
      plain.minimize(() => loss(y), false, [y]);
      expect(inStep.iterations).toBe(plain.iterations);
    }
    // One compiled program against single operations: a rounding or two.
    for (const [i, value] of x.dataSync().entries()) expect(value).toBeCloseTo(y.dataSync()[i], 6);
    expect(x.dataSync()[0]).not.toBe(1);
    inStep.dispose();
    plain.dispose();
    tf.dispose([x, y, one]);
  });

  it('never follow a changed rate in silence', () => {
    const x = newVariable([1]);
    const one = tf.scalar(1);
    const optimizer = tf.train.sgd(0.1);
    const step = createTrainStep({ variables: [x], optimizer, loss: () => ({ loss: tf.sum(x) }) });
    tf.dispose(step(one));
    optimizer.setLearningRate(0.01);
    if ('jit' in tf.backend()) {
      expect(() => step(one)).toThrow('learning rate of SGD changed from 0.1 to 0.01');
    } else {
      tf.dispose(step(one));
      expect(x.dataSync()[0]).toBeCloseTo(0.89, 6);
    }
    optimizer.dispose();
    tf.dispose([x, one]);
  });
});
