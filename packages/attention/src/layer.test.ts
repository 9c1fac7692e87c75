import { jit, randomKey, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { layerWeights as weightsOf } from './layer.js';
import { ksvdLoss, withLosses } from './mechanisms/primal/ksvd-loss.js';
import { PrimalAttention, type PrimalAttentionConfig } from './mechanisms/primal/layer.js';
import { SoftmaxAttention } from './mechanisms/softmax/layer.js';
import { onScores, type SoftmaxScoresEvent } from './scores.js';
import { randomTensor } from './testing/random-tensor.js';

/** Two compilations of the same sums differ by rounding. */
const rounding = 1e-5;

async function distance(a: tf.Tensor, b: tf.Tensor): Promise<number> {
  expect(a.shape).toEqual(b.shape);
  // On the host: on a compiling backend each shape would be a program of its own.
  const [x, y] = await Promise.all([a.data(), b.data()]);
  let most = 0;
  for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(x[i] - y[i]));
  return most;
}

describe('configuration', () => {
  const config: PrimalAttentionConfig = { heads: 2, rank: 3, landmarks: 5 };

  test.each([
    [{ ...config, rnak: 3 }, /PrimalAttention: unknown option 'rnak'; expected one of heads, seed, rank/],
    [{ ...config, rank: 0 }, /rank must be a positive integer, got 0/],
    [{ ...config, heads: '2' }, /heads must be a positive integer, got '2'/],
    [undefined, /PrimalAttention: expected an object of options \(heads, .*got undefined/],
    [{ ...config, heads: 1.5 }, /heads must be a positive integer, got 1.5/],
    [{ ...config, landmarks: 0 }, /landmarks must be a positive integer, got 0/],
    [{ ...config, rankMultiplier: 5 }, /either landmarks or rankMultiplier/],
    [{ heads: 2, rank: 3 }, /either landmarks or rankMultiplier/],
    [{ ...config, maxLength: 5 }, /maxLength goes with rankMultiplier/],
    [{ ...config, trace: 'x' }, /trace must be one of 'weights', 'projections', got "x"/],
  ])('%j is refused', (given, reason) => {
    expect(() => new PrimalAttention(given as unknown as PrimalAttentionConfig)).toThrow(reason);
  });

  test('softmax options are checked', () => {
    expect(() => new SoftmaxAttention({ heads: 2, dropout: 1 })).toThrow(
      /dropout must be in \[0, 1\), got 1/,
    );
    expect(() => new SoftmaxAttention({ heads: 2, maskMode: 'soft' as never })).toThrow(/maskMode.*"soft"/);
  });

  test('n is rank * rankMultiplier, clipped only by a maxLength', () => {
    const count = (more: object): number => new PrimalAttention({ heads: 2, rank: 30, ...more }).landmarks;
    expect(count({ rankMultiplier: 10 })).toBe(300);
    expect(count({ rankMultiplier: 10, maxLength: 26 })).toBe(26);
    expect(count({ rankMultiplier: 5, maxLength: 152 })).toBe(150);
    expect(count({ landmarks: 7 })).toBe(7);
  });

  test('inputs of other shapes are refused', () => {
    const layer = new PrimalAttention(config);
    expect(() => layer.apply(tf.zeros([2, 6]))).toThrow(/expected x \[batch, length, features\].*\[2,6\]/);
    layer.apply(tf.zeros([2, 6, 4]));
    expect(() => layer.apply(tf.zeros([2, 6, 8]))).toThrow(
      /PrimalAttention: '.*' has weights for 4 features, got x \[2,6,8\]/,
    );
    expect(() => new PrimalAttention(config).apply(tf.zeros([2, 6, 5]))).toThrow(/5 features.*2 heads/);
    expect(() => new PrimalAttention(config).apply([tf.zeros([2, 6, 4]), tf.zeros([2, 5])])).toThrow(
      /\[2,6,4\] needs a mask \[2,6\], got \[2,5\]/,
    );
  });
});

const layers = [
  ['primal', () => new PrimalAttention({ name: 'attention', heads: 2, rank: 3, rankMultiplier: 2, seed: 5 })],
  ['softmax', () => new SoftmaxAttention({ name: 'attention', heads: 2, seed: 5 })],
] as const;

describe.each(layers)('%s', (_name, create) => {
  const x = randomTensor([3, 9, 4], 1);
  const mask = tf.tensor2d([
    [1, 1, 1, 1, 1, 1, 1, 0, 0],
    [1, 1, 1, 1, 1, 1, 1, 1, 1],
    [1, 0, 1, 0, 1, 0, 1, 0, 1],
  ]);

  test('survives its configuration: the copy has the same weights and outputs', async () => {
    const layer = create();
    const [registered, fromConfig] =
      tf.serialization.SerializationMap.getMap().classNameMap[layer.getClassName()];
    expect(registered).toBe(layer.constructor);
    const again = fromConfig(registered, layer.getConfig()) as tf.layers.Layer;
    expect(await distance(layer.apply(x) as tf.Tensor, again.apply(x) as tf.Tensor)).toBe(0);
  });

  test("works in a functional model, with and without a mask, and survives the model's configuration", async () => {
    const tokens = tf.input({ shape: [9, 4] });
    const real = tf.input({ shape: [9] });
    const output = create().apply([tokens, real]) as tf.SymbolicTensor;
    expect(output.shape).toEqual([null, 9, 4]);
    const model = tf.model({ inputs: [tokens, real], outputs: output });
    const json = JSON.parse(JSON.stringify(model.toJSON(null, false)));
    const copy = (await tf.models.modelFromJSON(json)) as tf.LayersModel;
    copy.setWeights(model.getWeights());
    const expected = create().apply([x, mask]) as tf.Tensor;
    for (const each of [model, copy]) {
      expect(await distance(each.predict([x, mask]) as tf.Tensor, expected)).toBeLessThan(rounding);
      each.dispose();
    }
  });

  test('leaks nothing: a call leaves its output, a gradient its values', () => {
    const layer = create();
    tf.dispose(layer.apply(x) as tf.Tensor);
    const before = tf.memory().numTensors;
    const output = layer.apply([x, mask]) as tf.Tensor;
    expect(tf.memory().numTensors).toBe(before + 1);
    output.dispose();
    const variables = [...weightsOf(layer).values()];
    const { value, grads } = tf.variableGrads(() => tf.sum(layer.apply(x) as tf.Tensor), variables);
    tf.dispose([value, ...Object.values(grads)]);
    expect(tf.memory().numTensors).toBe(before);
  });

  test('gives the same values and gradients inside jit', async () => {
    const layer = create();
    tf.dispose(layer.apply(x) as tf.Tensor);
    const variables = [...weightsOf(layer).values()];
    const step = (input: tf.Tensor): Record<string, tf.Tensor> => {
      const { value, grads } = tf.variableGrads(() => {
        const { output, losses } = withLosses(() => layer.apply(input) as tf.Tensor);
        return tf.add(tf.sum(tf.square(output)), ksvdLoss(losses, { reduction: 'sample' })) as tf.Scalar;
      }, variables);
      return { ...grads, value };
    };
    const compiled = jit(step);
    const expected = step(x);
    for (let i = 0; i < 2; i++) {
      const actual = compiled(x);
      expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
      for (const [name, tensor] of Object.entries(expected)) {
        expect(await distance(actual[name], tensor)).toBeLessThan(1e-4);
      }
    }
  });
});

describe('onScores', () => {
  const x = randomTensor([3, 9, 4], 1);

  test('each listener hears each call until it unsubscribes', () => {
    const layer = new SoftmaxAttention({ heads: 2 });
    const heard: string[] = [];
    const stopFirst = onScores(layer, () => heard.push('first'));
    const stopSecond = onScores(layer, () => heard.push('second'));
    layer.apply(x);
    stopFirst();
    stopFirst();
    layer.apply(x);
    stopSecond();
    layer.apply(x);
    expect(heard).toEqual(['first', 'second', 'second']);
  });

  test('inside jit as outside: the same tensors after each call, and the program of before without a listener', async () => {
    const layer = new SoftmaxAttention({ heads: 2 });
    let traces = 0;
    const forward = jit((x: tf.Tensor) => {
      traces++;
      return tf.tidy(() => tf.sum(layer.apply(x) as tf.Tensor));
    });
    layer.apply(x);
    forward(x);
    const kept: tf.Tensor[] = [];
    const stop = onScores(layer, ({ layer: name, weights }: SoftmaxScoresEvent) => {
      expect(name).toBe(layer.name);
      kept.push(tf.keep(weights));
    });
    layer.apply(x);
    const before = tf.memory().numTensors;
    for (let i = 0; i < 2; i++) tf.dispose(forward(x));
    expect(tf.memory().numTensors).toBe(before + 2);
    stop();
    forward(x);
    expect(traces).toBe(tf.getBackend() === 'xla' ? 2 : 4);
    expect(kept.length).toBe(3);
    expect(await distance(kept[1], kept[0])).toBeLessThan(rounding);
    expect(await distance(kept[2], kept[0])).toBeLessThan(rounding);
  });

  test('attention weights are rows of probabilities that make the output', async () => {
    const layer = new SoftmaxAttention({ heads: 2 });
    const kept: tf.Tensor[] = [];
    onScores(layer, ({ weights, values, queries }: SoftmaxScoresEvent) => {
      expect(queries.shape).toEqual([3, 2, 9, 2]);
      kept.push(tf.keep(tf.sum(weights, -1)), tf.keep(tf.matMul(weights, values)));
    });
    const output = layer.apply(x) as tf.Tensor;
    const [sums, heads] = kept;
    expect(await distance(sums, tf.ones([3, 2, 9]))).toBeLessThan(rounding);
    const merged = tf.reshape(tf.transpose(heads, [0, 2, 1, 3]), [27, 4]) as tf.Tensor2D;
    const [kernel, bias] = ['output/kernel', 'output/bias'].map(
      (name) => weightsOf(layer).get(name) as tf.Tensor,
    );
    const expected = tf.reshape(tf.add(tf.matMul(merged, kernel as tf.Tensor2D), bias), [3, 9, 4]);
    expect(await distance(output, expected)).toBeLessThan(rounding);
  });
});

describe('dropout on attention weights', () => {
  const x = randomTensor([3, 9, 4], 1);
  const layer = new SoftmaxAttention({ name: 'dropped', heads: 2, dropout: 0.5 });
  const call = (seed: number, training: boolean): tf.Tensor =>
    withRandomKey(randomKey(seed), () => layer.apply(x, { training }) as tf.Tensor);

  test('acts in training alone, and follows the key', async () => {
    const plain = layer.apply(x) as tf.Tensor;
    expect(await distance(call(1, false), plain)).toBe(0);
    expect(await distance(call(1, true), plain)).toBeGreaterThan(0.001);
    expect(await distance(call(1, true), call(1, true))).toBe(0);
    expect(await distance(call(1, true), call(2, true))).toBeGreaterThan(0.001);
  });
});
