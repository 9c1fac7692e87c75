import { jit, RandomStream } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { layerWeights } from '../../layer.js';
import { onScores } from '../../scores.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { DataIndependentPrimalAttention } from '../data-independent-primal/layer.js';
import { positiveRandomFeatures } from './feature-map.js';
import { withLosses } from './ksvd-loss.js';
import { PrimalAttention, type PrimalAttentionConfig } from './layer.js';
import { combineScores, weightTrace } from './primal.js';

const config: PrimalAttentionConfig = { name: 'primal', heads: 2, rank: 3, landmarks: 5, seed: 4 };
const x = randomTensor([2, 7, 8], 1) as tf.Tensor3D;

test.each([
  [{ ...config, scores: 'r' }, /PrimalAttention: scores must be one of 'both', 'e', got "r"/],
  [{ ...config, featureMap: 'relu' }, /featureMap must be one of 'cosine', 'positive-random', got "relu"/],
  [{ ...config, featureMap: { query: 'cosine' } }, /featureMap must be one of .*got undefined/],
  [
    { ...config, featureMap: { query: 'cosine', keys: 'cosine' } },
    /featureMap: unknown option 'keys'; expected one of query, key/,
  ],
  [{ ...config, featureMap: null }, /featureMap must be one of .*got null/],
])('%j is refused', (given, reason) => {
  expect(() => new PrimalAttention(given as PrimalAttentionConfig)).toThrow(reason);
});

test('a layer of one head has the gradients of all its weights', () => {
  const layer = new PrimalAttention({ ...config, name: 'single', heads: 1 });
  (layer.apply(x) as tf.Tensor).dispose();
  const weights = [...layerWeights(layer)].filter(([name]) => name !== 'lambda').map(([, weight]) => weight);
  const { grads } = tf.variableGrads(() => tf.sum(tf.square(layer.apply(x) as tf.Tensor)), weights);
  for (const { name, shape } of weights) {
    expect(grads[name].shape).toEqual(shape);
    expect(
      grads[name].dataSync().some((value) => Number.isFinite(value) && value !== 0),
      name,
    ).toBe(true);
  }
});

describe('positive random features', () => {
  const layer = (seed: number): PrimalAttention =>
    new PrimalAttention({ ...config, seed, featureMap: 'positive-random' });
  const built = (seed: number): PrimalAttention => {
    const made = layer(seed);
    tf.dispose(made.apply(x) as tf.Tensor);
    return made;
  };

  test('are one fixed matrix, which follows from the seed and is not trained', async () => {
    const [one, same, other] = [built(4), built(4), built(5)];
    const features = layerWeights(one).get('features') as tf.Variable;
    expect(features.shape).toEqual([4, 4]);
    expect(one.trainableWeights.map(({ originalName }) => originalName)).not.toContain('primal/features');
    expect(one.nonTrainableWeights.map(({ originalName }) => originalName)).toEqual(['primal/features']);
    const values = await features.data();
    expect(await layerWeights(same).get('features')?.data()).toEqual(values);
    expect(await layerWeights(other).get('features')?.data()).not.toEqual(values);
    expect(new Set(layerWeights(new PrimalAttention(config)).keys()).has('features')).toBe(false);
  });

  test('reach the scores: exp(w . z - ||z||^2 / 2) / sqrt m of the scaled queries', async () => {
    const made = built(4);
    const weights = layerWeights(made);
    const weight = (name: string): tf.Tensor2D => weights.get(name) as tf.Tensor as tf.Tensor2D;
    let heard: Float32Array | undefined;
    const stop = onScores(made, ({ queries }) => {
      heard = queries.dataSync() as Float32Array;
    });
    tf.dispose(made.apply(x) as tf.Tensor);
    stop();
    const rows = tf.reshape(x, [14, 8]) as tf.Tensor2D;
    const q = tf.add(tf.matMul(rows, weight('query/kernel')), weight('query/bias'));
    const [values, w] = await Promise.all([q.data(), weight('features').data()]);
    for (const [i, value] of (heard as Float32Array).entries()) {
      // [B, H, N, p]
      const [b, h, t, c] = [Math.floor(i / 56), Math.floor(i / 28) % 2, Math.floor(i / 4) % 7, i % 4];
      const z = Array.from({ length: 4 }, (_, j) => values[(b * 7 + t) * 8 + h * 4 + j] / 4 ** 0.25);
      const exponent = z.reduce((sum, zj, j) => sum + zj * w[4 * j + c] - zj ** 2 / 2, 0);
      expect(value).toBeCloseTo(Math.exp(exponent) / 2, 5);
    }
  });

  test('a model with them survives its configuration', async () => {
    const tokens = tf.input({ shape: [7, 8] });
    const each = new PrimalAttention({
      ...config,
      scores: 'e',
      maskObjective: true,
      featureMap: { query: 'positive-random', key: 'cosine' },
    });
    const model = tf.model({ inputs: tokens, outputs: each.apply(tokens) as tf.SymbolicTensor });
    const json = JSON.parse(JSON.stringify(model.toJSON(null, false)));
    const copy = (await tf.models.modelFromJSON(json)) as tf.LayersModel;
    expect(copy.layers[1].getConfig()).toEqual(each.getConfig());
    copy.setWeights(model.getWeights());
    const [a, b] = await Promise.all([model, copy].map((m) => (m.predict(x) as tf.Tensor).data()));
    expect(a).toEqual(b);
    model.dispose();
    copy.dispose();
  });

  test('go to 0 for large inputs, with finite gradients, and refuse other sizes', async () => {
    const stream = new RandomStream(1, 'projection');
    const projection = tf.tensor2d(
      Float32Array.from({ length: 15 }, () => stream.normal()),
      [3, 5],
    );
    const z = tf.tensor2d([1e3, -1e4, 1e5, 0, 0, 0, 1e18, 1e18, 1e18], [3, 3]);
    const gradient = tf.grad((t) => tf.sum(positiveRandomFeatures(t, projection)));
    const features = await positiveRandomFeatures(z, projection).data();
    expect([...features.slice(0, 5)]).toEqual([0, 0, 0, 0, 0]);
    for (const value of features.slice(5, 10)) expect(value).toBeCloseTo(1 / Math.sqrt(5), 6);
    expect([...features, ...(await gradient(z).data())].every(Number.isFinite)).toBe(true);
    expect(() => positiveRandomFeatures(tf.zeros([2, 4]), projection)).toThrow(
      /z \[2,4\] needs a projection \[4, m\], got \[3,5\]/,
    );
  });
});

describe('padding and J', () => {
  const lengths = [4, 7];
  const mask = tf.tensor2d(lengths.map((n) => Array.from({ length: 7 }, (_, t) => (t < n ? 1 : 0))));
  const objective = async (layer: DataIndependentPrimalAttention, given: tf.Tensor[]): Promise<number[]> => {
    const { losses } = withLosses(() => layer.apply(given) as tf.Tensor);
    return [...(await losses[0].objective.data())];
  };

  // Two heads are computed side by side, four one by one.
  test.each([2, 4])('counts as published, and not with maskObjective (%i heads)', async (heads) => {
    const make = (maskObjective: boolean): DataIndependentPrimalAttention =>
      new DataIndependentPrimalAttention({ name: 'a', heads, rank: 3, maskObjective });
    const published = await objective(make(false), [x, mask]);
    expect(published).toEqual(await objective(make(false), [x]));
    const [masked, whole] = await objective(make(true), [x, mask]);
    // Tokens do not meet in this layer: J of the real ones is J of the shorter sequence.
    const [short] = await objective(make(false), [tf.slice(x, 0, [1, 4, 8])]);
    expect(masked).toBeCloseTo(short, 6);
    expect(Math.abs(masked - published[0])).toBeGreaterThan(1e-4);
    expect(whole).toBeCloseTo(published[1], 6);
  });

  test('the objective of padding alone is minus the trace, with finite gradients', async () => {
    const layer = new DataIndependentPrimalAttention({ name: 'a', heads: 2, rank: 3, maskObjective: true });
    const none = tf.zeros([2, 7]);
    const [first, second] = await objective(layer, [x, none]);
    const weights = layerWeights(layer);
    const [we, wr] = ['we', 'wr'].map((name) => weights.get(name) as tf.Tensor as tf.Tensor3D);
    const [trace] = await weightTrace(we, wr).data();
    expect(first).toBeCloseTo(-trace, 6);
    expect(second).toBe(first);
    const { grads } = tf.variableGrads(() => {
      const { losses } = withLosses(() => layer.apply([x, none]));
      return tf.sum(tf.square(losses[0].objective));
    });
    for (const gradient of Object.values(grads)) {
      expect([...(await gradient.data())].every(Number.isFinite)).toBe(true);
    }
  });
});

describe('without r', () => {
  test('nothing of r reaches the output, and J is that of both', async () => {
    const layer = new PrimalAttention({ ...config, scores: 'e' });
    const both = new PrimalAttention(config);
    const objectives = [layer, both].map((each) => {
      const { losses } = withLosses(() => each.apply(x));
      return losses[0].objective;
    });
    const [a, b] = await Promise.all(objectives.map((j) => j.data()));
    for (const [i, value] of a.entries()) expect(value).toBeCloseTo(b[i], 5);
    expect(layerWeights(layer).get('combine/kernel')?.shape).toEqual([3, 4]);
    const before = await (layer.apply(x) as tf.Tensor).data();
    for (const name of ['wr', 'key/kernel', 'key/bias']) {
      const weight = layerWeights(layer).get(name) as tf.Variable;
      weight.assign(tf.add(weight, 1));
    }
    expect(await (layer.apply(x) as tf.Tensor).data()).toEqual(before);
  });

  test('its keys are computed for those who ask, inside jit too', async () => {
    const layer = new PrimalAttention({ ...config, scores: 'e' });
    const step = jit(
      (given: tf.Tensor) => withLosses(() => layer.apply(given) as tf.Tensor).losses[0].objective,
    );
    let shape: number[] = [];
    const stop = onScores(layer, ({ r }) => {
      shape = r.shape;
    });
    expect((await step(x).data()).every(Number.isFinite)).toBe(true);
    stop();
    expect(shape).toEqual([2, 2, 7, 3]);
  });

  test('a kernel for other scores is refused', () => {
    const e = tf.zeros([1, 1, 2, 3]) as tf.Tensor4D;
    expect(() => combineScores(e, undefined, tf.zeros([6, 4]), tf.zeros([4]))).toThrow(
      /combineScores: e of rank 3 need a kernel \[3, p\], got \[6,4\]/,
    );
    expect(() => combineScores(e, e, tf.zeros([3, 4]), tf.zeros([4]))).toThrow(
      /combineScores: e and r of rank 3 need a kernel \[6, p\], got \[3,4\]/,
    );
  });
});
