import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { ExecutableCache } from './executables.js';
import { xla } from './testing/compare.js';

const compilations = () => xla().executables.statistics.compilations;

afterEach(() => tf.disposeVariables());

describe('lazy evaluation', () => {
  it('computes everything that is alive at the first read, and compiles equal structures once', () => {
    const run = (n: number) => {
      const x = tf.scalar(n);
      const a = x.mul(2);
      const b = a.add(1);
      return [a.dataSync()[0], b.dataSync()[0]];
    };
    run(1);
    const before = compilations();
    expect(run(5)).toEqual([10, 11]);
    expect(run(7)).toEqual([14, 15]);
    expect(compilations()).toBe(before);
  });

  it('keeps a chain of 50,000 operations within bounds', () => {
    const before = compilations();
    let x = tf.scalar(1);
    for (let i = 0; i < 50_000; i++) {
      const next = tf.sin(x) as tf.Scalar;
      x.dispose();
      x = next;
    }
    const value = x.dataSync()[0];
    expect(Math.abs(value - 0.0077453) / 0.0077453).toBeLessThan(1e-4);
    expect(compilations() - before).toBeLessThanOrEqual(3);
  });

  it('is cut into programs anywhere, also between an operand in another shape and its use', () => {
    for (const offset of [0, 1]) {
      let x: tf.Tensor = tf.tensor1d([1, 2]).neg().neg();
      for (let i = 0; i < offset; i++) x = x.neg();
      for (let i = 0; i < 1500; i++) x = tf.tidy(() => x.reshape([2, 1]).neg().reshape([2]));
      expect([...x.dataSync()].map(Math.abs)).toEqual([1, 2]);
    }
  });

  it('copies what it is given and survives changes of the array afterwards', () => {
    const values = Float32Array.of(1, 2, 3);
    const x = tf.tensor1d(values);
    const y = x.add(1);
    values.fill(9);
    expect([...y.dataSync()]).toEqual([2, 3, 4]);
  });

  it('reads asynchronously, also while other work is recorded and the tensor is disposed', async () => {
    const x = tf.tensor1d([1, 2, 3]);
    const y = x.square().add(0.25);
    const promise = y.data();
    y.dispose();
    const z = x.mul(3);
    expect([...(await promise)]).toEqual([1.25, 4.25, 9.25]);
    expect([...(await z.data())]).toEqual([3, 6, 9]);
  });

  it('moves tensors to and from other backends', () => {
    const x = tf.tensor1d([1, 2]).add(1);
    tf.setBackend('cpu');
    const y = x.mul(2);
    expect([...y.dataSync()]).toEqual([4, 6]);
    tf.setBackend('xla');
    expect([...y.add(x).dataSync()]).toEqual([6, 9]);
  });

  it('runs kernels without a lowering on the host', async () => {
    expect([...(await tf.whereAsync(tf.tensor1d([1, 0, 1], 'bool'))).dataSync()]).toEqual([0, 2]);
    expect([...tf.topk(tf.tensor1d([3, 1, 2]), 2).indices.dataSync()]).toEqual([0, 2]);
    expect(tf.tensor1d(['a', 'b']).dataSync()).toEqual(['a', 'b']);
  });
});

describe('memory', () => {
  it('is given back with the last tensor', () => {
    const before = tf.memory();
    for (let i = 0; i < 20; i++) {
      tf.tidy(() => {
        const x = tf.ones([10, 10]).mul(i);
        if (i % 2) x.reshape([100]).sum().dataSync();
      });
    }
    expect(tf.memory()).toMatchObject({
      numTensors: before.numTensors,
      numDataBuffers: before.numDataBuffers,
    });
    expect(xla().numDataIds()).toBe(before.numDataBuffers);
  });

  it('and programs stay few while 2,000 updates are never read', () => {
    const w = tf.variable(tf.randomNormal([8, 8]));
    const x = tf.randomNormal([4, 8]);
    const adam = tf.train.adam(0.01);
    const update = () => adam.minimize(() => tf.matMul(x, w).square().mean() as tf.Scalar, false, [w]);
    update();
    const before = { tensors: tf.memory().numTensors, compiled: compilations() };
    for (let i = 0; i < 2000; i++) update();
    expect(tf.memory().numTensors).toBe(before.tensors);
    expect(compilations() - before.compiled).toBeLessThanOrEqual(3);
    expect(Number.isFinite(w.dataSync()[0])).toBe(true);
  });

  it('of jitted steps is constant: tensors over 1,000 steps, resident memory over 5,000', () => {
    const w = tf.variable(tf.randomNormal([16, 16]));
    const adam = tf.train.adam(0.01);
    const step = xla().jit(
      (x: tf.Tensor) =>
        adam.minimize(
          () =>
            tf
              .matMul(x as tf.Tensor2D, w)
              .square()
              .mean() as tf.Scalar,
          true,
          [w],
        )!,
    );
    const run = (steps: number) => {
      for (let i = 0; i < steps; i++) {
        const x = tf.ones([4, 16]);
        step(x).dispose();
        x.dispose();
      }
      return w.dataSync()[0];
    };
    run(500);
    const tensors = tf.memory().numTensors;
    run(1000);
    expect(tf.memory().numTensors).toBe(tensors);
    globalThis.gc?.();
    const resident = process.memoryUsage().rss;
    run(5000);
    globalThis.gc?.();
    expect((process.memoryUsage().rss - resident) / 2 ** 20).toBeLessThan(30);
  });

  it('of programs for ever new shapes is bounded', () => {
    const cache = new ExecutableCache(xla().client, 3);
    const module = (n: number) =>
      `module { func.func public @main() -> (tensor<${n}xf32>) { %0 = stablehlo.constant dense<1.0> : tensor<${n}xf32> return %0 : tensor<${n}xf32> } }`;
    for (const n of [1, 2, 3, 1, 4, 5, 1]) cache.get(String(n), () => module(n));
    expect(cache.size).toBe(3);
    expect(cache.has('1')).toBe(true);
    expect(cache.statistics.compilations).toBe(5);
    cache.dispose();
  });
});

describe('tf.layers', () => {
  it('fits, evaluates and predicts, and reads nothing for a whole epoch in bounded memory', async () => {
    const model = tf.sequential();
    model.add(tf.layers.dense({ units: 16, inputShape: [4], activation: 'tanh' }));
    model.add(tf.layers.layerNormalization());
    model.add(tf.layers.dropout({ rate: 0.1 }));
    model.add(tf.layers.dense({ units: 3, activation: 'softmax' }));
    model.compile({ optimizer: tf.train.adam(0.02), loss: 'categoricalCrossentropy', metrics: ['accuracy'] });
    const x = tf.randomUniform([192, 4], -1, 1, 'float32', 3);
    const y = tf.oneHot(tf.argMax(x.slice([0, 0], [192, 3]), 1), 3).cast('float32');
    await model.fit(x, y, { epochs: 1, batchSize: 16, verbose: 0 });
    const before = compilations();
    const history = await model.fit(x, y, { epochs: 29, batchSize: 16, verbose: 0 });
    expect(compilations() - before).toBeLessThanOrEqual(3);
    const accuracy = history.history.acc as number[];
    expect(accuracy.at(-1)!).toBeGreaterThan(0.9);
    const [loss] = model.evaluate(x, y) as tf.Scalar[];
    expect(loss.dataSync()[0]).toBeLessThan(0.5);
    expect((model.predict(x) as tf.Tensor).shape).toEqual([192, 3]);
  });
});
