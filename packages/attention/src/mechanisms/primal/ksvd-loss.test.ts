import { checkpoint, scan } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { layerWeights as weightsOf } from '../../layer.js';
import { onScores } from '../../scores.js';
import { randomTensor } from '../../testing/random-tensor.js';
import { SoftmaxAttention } from '../softmax/layer.js';
import { attachKsvdLoss, type KsvdRecord, ksvdLoss, withLosses } from './ksvd-loss.js';
import { PrimalAttention } from './layer.js';

const primal = (name: string): PrimalAttention =>
  new PrimalAttention({ name, heads: 2, rank: 3, landmarks: 5 });
const scalar = async (tensor: tf.Tensor): Promise<number> => (await tensor.data())[0];

function twoLayerModel(): tf.LayersModel {
  const x = tf.input({ shape: [6, 4] });
  let y = primal('first').apply(x) as tf.SymbolicTensor;
  y = new SoftmaxAttention({ name: 'middle', heads: 2 }).apply(y) as tf.SymbolicTensor;
  y = primal('last').apply(y) as tf.SymbolicTensor;
  return tf.model({ inputs: x, outputs: y });
}

describe('ksvdLoss', () => {
  const record = (layer: string, values: number[]): KsvdRecord => ({ layer, objective: tf.tensor1d(values) });

  test('squares per sample or after the mean over the batch', async () => {
    const losses = [record('a', [1, 3]), record('b', [2, -2])];
    expect(await scalar(ksvdLoss(losses, { reduction: 'sample' }))).toBeCloseTo((5 + 4) / 2, 6);
    expect(await scalar(ksvdLoss(losses, { reduction: 'batch' }))).toBeCloseTo((4 + 0) / 2, 6);
  });

  test('averages the calls of one layer before the square', async () => {
    const losses = [record('a', [1, 3]), record('b', [0, 0]), record('a', [3, 5])];
    expect(await scalar(ksvdLoss(losses, { reduction: 'sample' }))).toBeCloseTo((4 + 16) / 2 / 2, 6);
    expect(await scalar(ksvdLoss(losses, { reduction: 'batch' }))).toBeCloseTo(9 / 2, 6);
  });

  test('is 0 without Primal layers', async () => {
    expect(await scalar(ksvdLoss([], { reduction: 'sample' }))).toBe(0);
  });

  test('refuses another reduction', () => {
    expect(() => ksvdLoss([], { reduction: 'sum' as never })).toThrow(/'sample' or 'batch', got "sum"/);
  });
});

describe('withLosses', () => {
  test('hears every Primal layer of a model, in order, with gradients for all its score weights', async () => {
    const model = twoLayerModel();
    const x = randomTensor([3, 6, 4], 1);
    const { output, losses } = withLosses(() => model.apply(x) as tf.Tensor);
    expect(output.shape).toEqual([3, 6, 4]);
    expect(losses.map(({ layer }) => layer)).toEqual(['first', 'last']);
    expect(losses.map(({ objective }) => objective.shape)).toEqual([[3], [3]]);
    const variables = model.trainableWeights.map((weight) => weight.read() as tf.Tensor as tf.Variable);
    const { grads } = tf.variableGrads(
      () => ksvdLoss(withLosses(() => model.apply(x)).losses, { reduction: 'sample' }),
      variables,
    );
    for (const layer of ['first', 'last']) {
      for (const name of ['we', 'wr', 'lambda', 'query/kernel', 'key/kernel']) {
        const weight = weightsOf(model.getLayer(layer)).get(name) as tf.Variable;
        expect(await scalar(tf.max(tf.abs(grads[weight.name])))).toBeGreaterThan(0);
      }
    }
    model.dispose();
  });

  test('leaves nothing behind', () => {
    const model = twoLayerModel();
    const x = randomTensor([3, 6, 4], 1);
    const run = (): void => tf.dispose(withLosses(() => model.apply(x) as tf.Tensor) as never);
    run();
    const before = tf.memory().numTensors;
    for (let i = 0; i < 3; i++) run();
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  test('computes nothing when nobody listens', async () => {
    const layer = primal('quiet');
    const x = randomTensor([3, 6, 4], 1);
    const kernels = async (fn: () => unknown): Promise<number> =>
      (await tf.profile(() => tf.tidy(() => void fn()) as never)).kernels.length;
    const call = (): unknown => layer.apply(x);
    call();
    const alone = await kernels(call);
    expect(await kernels(() => withLosses(call))).toBeGreaterThan(alone);
    const stop = onScores(layer, () => {});
    expect(await kernels(call)).toBeGreaterThan(alone);
    stop();
    expect(await kernels(call)).toBe(alone);
  });

  test('frees what it collected when the pass fails', () => {
    const layer = primal('p');
    const x = randomTensor([3, 6, 4], 1);
    tf.dispose(layer.apply(x) as tf.Tensor);
    const before = tf.memory().numTensors;
    expect(() =>
      withLosses(() => {
        tf.dispose(layer.apply(x) as tf.Tensor);
        throw new Error('a failing pass');
      }),
    ).toThrow('a failing pass');
    expect(tf.memory().numTensors).toBe(before);
    expect(withLosses(() => null).losses).toEqual([]);
  });

  test('hears layers inside checkpoint, with the same gradients', async () => {
    const model = twoLayerModel();
    const x = randomTensor([3, 6, 4], 1);
    const variables = model.trainableWeights.map((weight) => weight.read() as tf.Tensor as tf.Variable);
    const gradients = (forward: () => tf.Tensor): tf.NamedTensorMap =>
      tf.variableGrads(() => {
        const { output, losses } = withLosses(forward);
        expect(losses.map(({ layer }) => layer)).toEqual(['first', 'last']);
        return tf.add(ksvdLoss(losses, { reduction: 'sample' }), tf.sum(output)) as tf.Scalar;
      }, variables).grads;
    const forward = (): tf.Tensor => model.apply(x) as tf.Tensor;
    const expected = gradients(forward);
    const recomputed = gradients(checkpoint(forward));
    for (const { name } of variables) {
      const difference = await scalar(tf.max(tf.abs(tf.sub(recomputed[name], expected[name]))));
      const scale = await scalar(tf.max(tf.abs(expected[name])));
      // The same operations, which XLA may fuse in another way.
      expect(difference).toBeLessThanOrEqual(1e-5 * Math.max(1, scale));
    }
    tf.dispose([expected, recomputed]);
    const before = tf.memory().numTensors;
    tf.dispose(gradients(checkpoint(forward)));
    // The value of the loss, which variableGrads gives as well.
    expect(tf.memory().numTensors - before).toBe(1);
    // Nobody listens: nothing is asked for, and none is heard.
    tf.dispose(tf.variableGrads(() => tf.sum(checkpoint(forward)()) as tf.Scalar, variables) as never);
    expect(() =>
      withLosses(() =>
        scan((c: tf.Tensor) => [c, model.apply(x) as tf.Tensor], tf.scalar(0), null, { length: 2 }),
      ),
    ).toThrow(/scan: a layer inside the function reports a loss/);
    model.dispose();
  });

  test('refuses asynchronous functions', () => {
    expect(() => withLosses(async () => 1)).toThrow(/must be synchronous/);
  });
});

describe('attachKsvdLoss', () => {
  /** A model of one token's features, so that the loss is easy to recompute. */
  function compiled(attach: boolean, eta: number): { model: tf.LayersModel; layer: PrimalAttention } {
    const layer = primal('attached');
    const x = tf.input({ shape: [6, 4] });
    const model = tf.model({ inputs: x, outputs: layer.apply(x) as tf.SymbolicTensor });
    if (attach) attachKsvdLoss(layer, eta, { reduction: 'sample' });
    model.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' });
    return { model, layer };
  }
  const x = randomTensor([3, 6, 4], 2);
  const y = randomTensor([3, 6, 4], 3);

  test('model.fit minimises the sum: one step equals one step on the explicit loss', async () => {
    const eta = 0.7;
    const { model, layer } = compiled(true, eta);
    const explicit = primal('attached'); // the same name and seed: the same weights
    tf.dispose(explicit.apply(x) as tf.Tensor);
    const variables = [...weightsOf(explicit).values()];
    const { value, grads } = tf.variableGrads(() => {
      const { output, losses } = withLosses(() => explicit.apply(x) as tf.Tensor);
      const squares = tf.losses.meanSquaredError(y, output) as tf.Scalar;
      return tf.add(squares, tf.mul(eta, ksvdLoss(losses, { reduction: 'sample' }))) as tf.Scalar;
    }, variables);
    const history = await model.fit(x, y, { batchSize: 3, epochs: 1, shuffle: false, verbose: 0 });
    expect(history.history.loss[0]).toBeCloseTo(await scalar(value), 5);
    for (const [name, variable] of weightsOf(explicit)) {
      const gradient = grads[variable.name];
      const stepped = gradient === undefined ? variable : tf.sub(variable, tf.mul(0.1, gradient));
      const trained = weightsOf(layer).get(name) as tf.Variable;
      expect(await scalar(tf.max(tf.abs(tf.sub(stepped, trained))))).toBeLessThan(1e-6);
    }
    model.dispose();
  });

  test('evaluation leaves the term out, and training leaks nothing', async () => {
    const { model } = compiled(true, 100);
    const plain = compiled(false, 0).model;
    const [with_, without] = [model.evaluate(x, y) as tf.Scalar, plain.evaluate(x, y) as tf.Scalar];
    expect(await scalar(with_)).toBeCloseTo(await scalar(without), 6);
    await model.fit(x, y, { batchSize: 3, epochs: 1, verbose: 0 });
    const before = tf.memory().numTensors;
    await model.fit(x, y, { batchSize: 3, epochs: 3, verbose: 0 });
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
    plain.dispose();
  });

  test('a layer used twice counts once, with the mean of both uses', async () => {
    const layer = primal('twice');
    const a = tf.input({ shape: [6, 4] });
    const b = tf.input({ shape: [6, 4] });
    const sum = tf.layers.add().apply([layer.apply(a), layer.apply(b)] as tf.SymbolicTensor[]);
    const model = tf.model({ inputs: [a, b], outputs: sum as tf.SymbolicTensor });
    const other = randomTensor([3, 6, 4], 5);
    const { output, losses } = withLosses(() => model.apply([x, other]) as tf.Tensor);
    const squares = tf.losses.meanSquaredError(y, output);
    const expected = await scalar(tf.add(squares, tf.mul(3, ksvdLoss(losses, { reduction: 'sample' }))));
    attachKsvdLoss(layer, 3, { reduction: 'sample' });
    model.compile({ optimizer: tf.train.sgd(0.1), loss: 'meanSquaredError' });
    const { history } = await model.fit([x, other], y, {
      batchSize: 3,
      epochs: 1,
      shuffle: false,
      verbose: 0,
    });
    expect(Math.abs((history.loss[0] as number) - expected) / expected).toBeLessThan(1e-5);
    model.dispose();
  });

  test('refuses a second loss on one layer, no layers, and a bad eta', () => {
    const layer = primal('one');
    attachKsvdLoss(layer, 0.1, { reduction: 'batch' });
    expect(() => attachKsvdLoss([layer], 0.1, { reduction: 'batch' })).toThrow(/'one' already/);
    expect(() => attachKsvdLoss([], 0.1, { reduction: 'batch' })).toThrow(/no layers/);
    expect(() => attachKsvdLoss(primal('two'), Number.NaN, { reduction: 'batch' })).toThrow(/eta.*NaN/);
    expect(() => layer.calculateLosses()).toThrow(/not called in training mode/);
  });
});
