import { ksvdLoss, withLosses } from '@primal-attention/attention';
import { jit, RandomStream, randomKey, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { actionLoss, type DecisionTransformerConfig, decisionTransformer } from './decision-transformer.js';
import { Interleave, TakeInterleaved } from './layers/interleave.js';
import { attentionLayers, namedWeights } from './named-weights.js';

const small: DecisionTransformerConfig = {
  stateSize: 5,
  actionSize: 3,
  maxEpisodeLength: 11,
  attention: ['softmax', 'primal'],
  rank: 2,
  modelSize: 8,
  heads: 2,
  feedForward: 12,
  dropout: 0.3,
};

/** states, actions, returns to go, time steps and mask of B = 2 episodes, the second with `padded` steps at its end. */
function episodes(steps: number, padded = 0): tf.Tensor[] {
  const stream = new RandomStream(1, 'test');
  const normal = (...shape: number[]): tf.Tensor =>
    tf.tensor(
      Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => stream.normal()),
      shape,
    );
  const rows = [steps, steps - padded].map((real) => Array.from({ length: steps }, (_, t) => +(t < real)));
  return [
    normal(2, steps, 5),
    normal(2, steps, 3),
    normal(2, steps, 1),
    tf.tensor2d(
      [0, 3].map((start) => Array.from({ length: steps }, (_, t) => start + t)),
      [2, steps],
      'int32',
    ),
    tf.tensor2d(rows),
  ];
}

const apply = (model: tf.LayersModel, inputs: tf.Tensor[]): tf.Tensor[] => model.apply(inputs) as tf.Tensor[];

/** The largest difference in the first `steps` steps of sample `sample`. */
async function distance(
  a: tf.Tensor,
  b: tf.Tensor,
  sample = 0,
  steps = a.shape[1] as number,
): Promise<number> {
  const [x, y] = (await Promise.all([a.array(), b.array()])) as number[][][][];
  const rows = x[sample].slice(0, steps);
  return Math.max(...rows.flatMap((row, t) => row.map((value, i) => Math.abs(value - y[sample][t][i]))));
}

describe('decisionTransformer', () => {
  test('gives actions, states and returns for any number of steps', async () => {
    const model = decisionTransformer(small);
    for (const steps of [1, 4]) {
      const outputs = apply(model, episodes(steps));
      expect(outputs.map(({ shape }) => shape)).toEqual([
        [2, steps, 3],
        [2, steps, 5],
        [2, steps, 1],
      ]);
      for (const value of await outputs[0].data()) expect(Math.abs(value)).toBeLessThan(1);
    }
  });

  test('an action depends on earlier steps, its state and its return, and on nothing later', async () => {
    const model = decisionTransformer({ ...small, dropout: 0 });
    const inputs = episodes(4);
    const before = apply(model, inputs);
    const changed = (which: number): tf.Tensor[] => {
      // Everything from step 2 on, of input `which`.
      const later = tf.tensor([0, 0, 1, 1]).reshape([1, 4, 1]);
      return inputs.map((tensor, i) => (i === which ? tf.add(tensor, later) : tensor));
    };
    for (const [name, which] of Object.entries({ states: 0, actions: 1, returns: 2 })) {
      const after = apply(model, changed(which));
      expect(await distance(after[0], before[0], 0, 2), name).toBeLessThan(1e-6);
      // The action of step 2 is predicted before that action is seen.
      const own = await distance(after[0], before[0], 0, 3);
      if (name === 'actions') expect(own, name).toBeLessThan(1e-6);
      else expect(own, name).toBeGreaterThan(1e-5);
    }
  });

  test('padding at the end changes no real step', async () => {
    const model = decisionTransformer({ ...small, dropout: 0 });
    const [states, actions, returns, timesteps, mask] = episodes(4, 2);
    const padded = tf.mul(tf.expandDims(tf.sub(1, mask), 2), 7);
    const plain = apply(model, [states, actions, returns, timesteps, mask]);
    const other = [states, actions, returns].map((tensor) => tf.add(tensor, padded));
    const moved = apply(model, [...other, timesteps, mask]);
    for (const i of [0, 1, 2]) expect(await distance(moved[i], plain[i], 1, 2)).toBeLessThan(1e-6);
    expect(await distance(moved[0], plain[0], 1)).toBeGreaterThan(1e-5);
  });

  test('padding at the start reaches real steps, unless the options say otherwise', async () => {
    const moved = async (options: Partial<DecisionTransformerConfig>): Promise<number> => {
      const model = decisionTransformer({ ...small, dropout: 0, ...options });
      const [states, ...rest] = episodes(4);
      const mask = tf.tensor2d([
        [0, 0, 1, 1],
        [1, 1, 1, 1],
      ]);
      const others = [...rest.slice(0, 3), mask];
      const far = tf.add(states, tf.tensor([3, 3, 0, 0]).reshape([1, 4, 1]));
      const [a, b] = [states, far].map((x) =>
        tf.slice(apply(model, [x, ...others])[0], [0, 2, 0], [1, 2, 3]),
      );
      return distance(a, b);
    };
    expect(await moved({})).toBeGreaterThan(1e-6);
    expect(await moved({ maskPrefix: true, maskMode: 'exact' })).toBe(0);
  });

  test('the seed fixes every weight, and weights start as the official ones do', async () => {
    const [first, again, other] = [1, 1, 2].map((seed) =>
      namedWeights(decisionTransformer({ ...small, seed })),
    );
    const zero = /\/(gamma|beta)$|layer\d.*\/bias$/;
    for (const [name, variable] of Object.entries(first)) {
      const values = await variable.data();
      expect(await again[name].data(), name).toEqual(values);
      if (!zero.test(name)) expect(await other[name].data(), name).not.toEqual(values);
      else if (name.endsWith('bias'))
        expect(
          [...values].every((value) => value === 0),
          name,
        ).toBe(true);
    }
    const large = namedWeights(
      decisionTransformer({ ...small, modelSize: 64, feedForward: 64, maxEpisodeLength: 50 }),
    );
    const deviation = async (name: string): Promise<number> => {
      const values = await large[name].data();
      return Math.sqrt(Array.from(values).reduce((sum, value) => sum + value ** 2, 0) / values.length);
    };
    for (const part of ['attention/query', 'feedforward/hidden']) {
      expect(await deviation(`layer0/${part}/kernel`)).toBeCloseTo(0.02, 2);
      expect(await deviation(`layer1/${part}/kernel`)).toBeCloseTo(0.02, 2);
    }
    expect(await deviation('embed/timestep/embeddings')).toBeCloseTo(1, 1);
    // U(+-1/sqrt 5).
    expect(await deviation('embed/state/kernel')).toBeCloseTo(1 / Math.sqrt(15), 1);
  });

  test('a training step gives the same loss and gradients inside jit; dropout follows the key', async () => {
    const model = decisionTransformer(small);
    const variables = Object.values(namedWeights(model));
    const inputs = episodes(3, 1);
    const step = (key: tf.Tensor1D, ...x: tf.Tensor[]): Record<string, tf.Tensor> => {
      const { value, grads } = tf.variableGrads(() => {
        const { output, losses } = withLosses(() =>
          withRandomKey(key, () => model.apply(x, { training: true }) as tf.Tensor[]),
        );
        const loss = actionLoss(output[0] as tf.Tensor3D, x[1] as tf.Tensor3D, x[4] as tf.Tensor2D);
        return tf.add(loss, tf.mul(0.05, ksvdLoss(losses, { reduction: 'sample' }))) as tf.Scalar;
      }, variables);
      return { ...grads, value };
    };
    const [actual, expected, other] = [jit(step), step, step].map((fn, i) =>
      fn(randomKey(i < 2 ? 1 : 2), ...inputs),
    );
    for (const [name, gradient] of Object.entries(expected)) {
      const [a, b] = await Promise.all([actual[name].data(), gradient.data()]);
      for (const [i, value] of b.entries()) expect(Math.abs(value - a[i]), name).toBeLessThan(1e-4);
    }
    expect((await other.value.data())[0]).not.toBe((await expected.value.data())[0]);
  });

  test('survives its configuration as JSON, and leaks nothing', async () => {
    const model = decisionTransformer({ ...small, seed: 3 });
    const copy = await tf.models.modelFromJSON(JSON.parse(JSON.stringify(model.toJSON(null, false))));
    copy.setWeights(model.getWeights());
    const inputs = episodes(3);
    const [a, b] = [apply(copy, inputs), apply(model, inputs)];
    expect(await distance(a[0], b[0])).toBeLessThan(1e-5);
    tf.dispose([a, b]);
    const before = tf.memory().numTensors;
    tf.dispose(apply(model, inputs));
    expect(tf.memory().numTensors).toBe(before);
    const layers = attentionLayers(model);
    expect(layers.map(({ name }) => name)).toEqual(['layer0/attention', 'layer1/attention']);
  });

  test.each([
    [{ ...small, rankMultiplier: 3 }, /decisionTransformer: unknown key 'rankMultiplier'; expected one of/],
    [{ ...small, stateSize: 0 }, /stateSize must be a positive integer, got 0/],
    [{ ...small, rank: undefined }, /primal layers need a rank/],
    [{ ...small, attention: ['linear'] }, /attention must list/],
    [{ ...small, maskMode: 'none' }, /maskMode must be one of 'exact', 'additive', 'gpt2'/],
  ])('refuses %j', (config, reason) => {
    expect(() => decisionTransformer(config as DecisionTransformerConfig)).toThrow(reason);
  });
});

// Per environment: sizes of state and action. The Primal layer alone has the count of the official module.
test.each([
  ['HalfCheetah', 17, 6],
  ['Hopper', 11, 3],
])('parameters of the paper: %s', (_name, stateSize, actionSize) => {
  const model = decisionTransformer({
    stateSize,
    actionSize,
    attention: ['softmax', 'softmax', 'primal'],
    rank: 64,
  });
  const [d, hidden] = [256, 1024];
  const linear = (inputs: number, outputs: number): number => inputs * outputs + outputs;
  const block = 4 * d + linear(d, hidden) + linear(hidden, d);
  const softmax = 4 * linear(d, d);
  const primal = 238_656;
  const ends =
    linear(1, d) +
    linear(stateSize, d) +
    linear(actionSize, d) +
    1000 * d +
    4 * d +
    linear(d, actionSize) +
    linear(d, stateSize) +
    linear(d, 1);
  expect(model.countParams()).toBe(ends + 3 * block + 2 * softmax + primal);
  const last = attentionLayers(model)[2];
  expect(last.countParams()).toBe(primal);
  model.dispose();
});

describe('actionLoss', () => {
  const predicted = tf.tensor3d([
    [
      [1, 2],
      [3, 4],
    ],
    [
      [5, 6],
      [7, 8],
    ],
  ]);
  const actions = tf.tensor3d([
    [
      [1, 0],
      [0, 0],
    ],
    [
      [5, 6],
      [9, 9],
    ],
  ]);

  test('is the mean over the elements of real steps', async () => {
    const loss = actionLoss(
      predicted,
      actions,
      tf.tensor2d([
        [1, 0],
        [1, 1],
      ]),
    );
    expect((await loss.data())[0]).toBeCloseTo((4 + 0 + 4 + 1) / 6, 6);
  });

  test('is 0 where nothing is real, with finite gradients', async () => {
    const mask = tf.zeros([2, 2]) as tf.Tensor2D;
    const gradient = tf.grad((x) => actionLoss(x as tf.Tensor3D, actions, mask))(predicted);
    expect([...(await gradient.data())].every((value) => value === 0)).toBe(true);
    expect((await actionLoss(predicted, actions, mask).data())[0]).toBe(0);
  });

  test('refuses shapes that do not fit', () => {
    expect(() => actionLoss(predicted, actions, tf.ones([2, 3]))).toThrow(
      'actionLoss: predicted [2,2,2] needs actions of its shape and a mask [2,2], got actions [2,2,2] and mask [2,3]',
    );
    expect(() => actionLoss(predicted, tf.ones([2, 2, 1]), tf.ones([2, 2]))).toThrow(/got actions \[2,2,1\]/);
  });
});

describe('Interleave', () => {
  test('puts its inputs step by step, and TakeInterleaved takes them apart', async () => {
    const inputs = [0, 10, 20].map((start) => tf.add(tf.reshape(tf.range(0, 8), [1, 4, 2]), start));
    const y = new Interleave({}).apply(inputs) as tf.Tensor;
    expect(y.shape).toEqual([1, 12, 2]);
    expect([...(await y.data())].slice(0, 8)).toEqual([0, 1, 10, 11, 20, 21, 2, 3]);
    for (const [index, input] of inputs.entries()) {
      const taken = new TakeInterleaved({ count: 3, index }).apply(y) as tf.Tensor;
      expect(await taken.data()).toEqual(await input.data());
    }
  });

  test('refuses an index out of range, and tokens that do not divide', () => {
    expect(() => new TakeInterleaved({ count: 3, index: 3 })).toThrow(
      'index must be an integer in 0..count - 1, got 3 of 3',
    );
    const layer = new TakeInterleaved({ count: 3, index: 0 });
    expect(() => layer.call(tf.ones([1, 4, 2]))).toThrow('TakeInterleaved: 4 tokens are not 3 for each step');
  });
});
