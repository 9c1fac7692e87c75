import { attachKsvdLoss, ksvdLoss, onScores, PrimalAttention, withLosses } from '@primal-attention/attention';
import { hasFusedAttention, jit, RandomStream, randomKey, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { type LraClassifierConfig, lraClassifier } from './lra.js';
import { attentionLayers, namedWeights } from './named-weights.js';
import { type UeaClassifierConfig, ueaClassifier } from './uea.js';

/** Two compilations of the same sums differ by rounding. */
const rounding = 1e-5;

const uea: UeaClassifierConfig = {
  features: 3,
  maxLength: 8,
  classes: 4,
  attention: ['softmax', 'primal'],
  rank: 2,
  rankMultiplier: 3,
  modelSize: 8,
  heads: 2,
  feedForward: 12,
  dropout: 0.3,
};
const lra: LraClassifierConfig = {
  vocabulary: 10,
  maxLength: 8,
  classes: 4,
  attention: ['softmax', 'primal'],
  rank: 2,
  rankMultiplier: 3,
  modelSize: 8,
  feedForward: 12,
  dropout: 0.3,
};

const stream = new RandomStream(1, 'test');
const series = tf.tensor(
  Float32Array.from({ length: 5 * 8 * 3 }, () => stream.normal()),
  [5, 8, 3],
);
const mask = tf.tensor(
  Float32Array.from({ length: 5 * 8 }, (_, i) => (i % 8 < 6 ? 1 : 0)),
  [5, 8],
);
const ids = (): tf.Tensor =>
  tf.tensor(
    Int32Array.from({ length: 5 * 8 }, () => stream.integer(10)),
    [5, 8],
    'int32',
  );
const models: [string, (seed?: number) => tf.LayersModel, tf.Tensor[]][] = [
  ['ueaClassifier', (seed) => ueaClassifier({ ...uea, seed }), [series, mask]],
  ['lraClassifier', (seed) => lraClassifier({ ...lra, seed }), [ids()]],
  ['lraClassifier, dual', (seed) => lraClassifier({ ...lra, seed, dual: true }), [ids(), ids()]],
];

async function distance(a: tf.Tensor, b: tf.Tensor): Promise<number> {
  expect(a.shape).toEqual(b.shape);
  // On the host: on a compiling backend each shape would be a program of its own.
  const [x, y] = await Promise.all([a.data(), b.data()]);
  let most = 0;
  for (let i = 0; i < x.length; i++) most = Math.max(most, Math.abs(x[i] - y[i]));
  return most;
}

describe.each(models)('%s', (_name, create, inputs) => {
  const train = (model: tf.LayersModel, seed: number): tf.Tensor =>
    withRandomKey(randomKey(seed), () => model.apply(inputs, { training: true }) as tf.Tensor);

  test('the seed fixes every weight; another seed changes every random one', async () => {
    const [first, again, other] = [create(7), create(7), create(8)].map(namedWeights);
    expect(Object.keys(again)).toEqual(Object.keys(first));
    for (const [name, variable] of Object.entries(first)) {
      const values = await variable.data();
      expect(await again[name].data()).toEqual(values);
      const constant = /\/(gamma|beta)$/.test(name);
      if (!constant) expect(await other[name].data(), name).not.toEqual(values);
    }
  });

  test('no two random weights start alike', async () => {
    const seen = new Map<string, string>();
    for (const [name, variable] of Object.entries(namedWeights(create()))) {
      if (/\/(gamma|beta)$/.test(name)) continue;
      const start = [...(await variable.data())].slice(0, 2).join();
      expect(seen.get(start), name).toBeUndefined();
      seen.set(start, name);
    }
  });

  test('names of weights do not depend on other models, though those of variables do', () => {
    const [a, b] = [namedWeights(create()), namedWeights(create())];
    expect(Object.keys(b)).toEqual(Object.keys(a));
    expect(Object.keys(a)).toContain('layer0/attention/query/kernel');
    expect(Object.keys(a)).toContain('layer1/attention/we');
    const variables = [...Object.values(a), ...Object.values(b)].map(({ name }) => name);
    expect(new Set(variables).size).toBe(variables.length);
  });

  test('dropout acts in training alone, and follows the key', async () => {
    const model = create();
    const plain = model.apply(inputs) as tf.Tensor;
    expect(plain.shape).toEqual([5, 4]);
    expect(await distance(model.predict(inputs) as tf.Tensor, plain)).toBeLessThan(rounding);
    expect(await distance(train(model, 1), train(model, 1))).toBe(0);
    expect(await distance(train(model, 1), train(model, 2))).toBeGreaterThan(1e-4);
    expect(await distance(train(model, 1), plain)).toBeGreaterThan(1e-4);
  });

  test('a training pass gives the same loss and gradients inside jit', async () => {
    const model = create();
    const variables = Object.values(namedWeights(model));
    const step = (key: tf.Tensor1D, ...x: tf.Tensor[]): Record<string, tf.Tensor> => {
      const { value, grads } = tf.variableGrads(() => {
        const { output, losses } = withLosses(() =>
          withRandomKey(key, () => model.apply(x, { training: true }) as tf.Tensor),
        );
        return tf.add(tf.mean(tf.square(output)), ksvdLoss(losses, { reduction: 'sample' })) as tf.Scalar;
      }, variables);
      return { ...grads, value };
    };
    const compiled = jit(step);
    for (const seed of [1, 2]) {
      const [actual, expected] = [compiled, step].map((fn) => fn(randomKey(seed), ...inputs));
      expect(Object.keys(actual).sort()).toEqual(Object.keys(expected).sort());
      for (const [name, gradient] of Object.entries(expected)) {
        expect(await distance(actual[name], gradient), name).toBeLessThan(1e-4);
      }
    }
  });

  test('leaks nothing', () => {
    const model = create();
    const pass = (): void => {
      tf.dispose(model.apply(inputs) as tf.Tensor);
      tf.dispose(train(model, 1));
      const { output, losses } = withLosses(() => model.apply(inputs) as tf.Tensor);
      tf.dispose([output, ...losses.map(({ objective }) => objective)]);
    };
    // The random key of train is the caller's.
    tf.tidy(pass);
    const before = tf.memory().numTensors;
    tf.tidy(pass);
    expect(tf.memory().numTensors).toBe(before);
    model.dispose();
  });

  test('survives its configuration as JSON', async () => {
    const model = create(3);
    const copy = await tf.models.modelFromJSON(JSON.parse(JSON.stringify(model.toJSON(null, false))));
    expect(Object.keys(namedWeights(copy))).toEqual(Object.keys(namedWeights(model)));
    copy.setWeights(model.getWeights());
    expect(await distance(copy.apply(inputs) as tf.Tensor, model.apply(inputs) as tf.Tensor)).toBeLessThan(
      rounding,
    );
  });

  test('its attention layers can be heard and take the KSVD loss in model.fit', async () => {
    const model = create();
    const layers = attentionLayers(model);
    expect(layers.map(({ name }) => name)).toEqual(['layer0/attention', 'layer1/attention']);
    const primal = layers.filter((layer) => layer instanceof PrimalAttention);
    let heard = 0;
    onScores(primal[0], ({ e, r }) => {
      expect(e.shape).toEqual([5, 2, 8, 2]);
      expect(r.shape).toEqual(e.shape);
      heard++;
    });
    attachKsvdLoss(primal, 1000, { reduction: 'batch' });
    model.compile({ optimizer: tf.train.sgd(0), loss: 'categoricalCrossentropy' });
    const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 3, 0], 'int32'), 4);
    // Dropout may draw its keys by itself here: model.fit is not compiled.
    const { history } = await model.fit(inputs, labels, { batchSize: 5, epochs: 1, verbose: 0 });
    expect(heard).toBe(inputs.length === 2 && inputs[1].dtype === 'int32' ? 2 : 1);
    expect(Number.isFinite(history.loss[0] as number)).toBe(true);
  });
});

describe('configuration', () => {
  test.each([
    [
      { ...uea, feature: 3 },
      /ueaClassifier: unknown key 'feature'; expected one of attention, mechanismOptions, rank/,
    ],
    [{ ...uea, maxLength: 0 }, /maxLength must be a positive integer, got 0/],
    [{ ...uea, attention: [] }, /attention must list a mechanism for each layer, got \[\]/],
    [{ ...uea, attention: ['prima'] }, /got \["prima"\]/],
    [{ ...uea, rank: undefined }, /primal layers need a rank.*undefined/],
    [{ ...uea, heads: 3 }, /8 features.*3 heads/],
    [{ ...uea, dropout: 1 }, /rate must be in \[0, 1\), got 1/],
  ])('ueaClassifier refuses %j', (config, reason) => {
    expect(() => ueaClassifier(config as UeaClassifierConfig)).toThrow(reason);
  });

  test('lraClassifier refuses unknown keys and vocabularies', () => {
    expect(() => lraClassifier({ ...lra, vocab: 3 } as never)).toThrow(/unknown key 'vocab'/);
    expect(() => lraClassifier({ ...lra, vocabulary: 2.5 })).toThrow(/vocabulary.*2.5/);
  });
});

test('padded time steps of the UEA classifier reach the others through attention, as in the official code', async () => {
  const model = ueaClassifier({ ...uea, attention: ['softmax'], dropout: 0 });
  const changed = tf.add(series, tf.mul(tf.expandDims(tf.sub(1, mask), 2), 5));
  const [a, b] = [series, changed].map((x) => model.apply([x, mask]) as tf.Tensor);
  expect(await distance(a, b)).toBeGreaterThan(1e-3);
});

test('maskLandmarks keeps padded tokens out of the LRA classifier', async () => {
  const left = [1, 2, 3, 4, 5, 0, 0, 0];
  const model = (maskLandmarks: boolean) =>
    lraClassifier({ ...lra, attention: ['primal', 'primal'], maskLandmarks, rankMultiplier: 4 });
  const moved = async (maskLandmarks: boolean): Promise<number> => {
    const network = model(maskLandmarks);
    const run = (): tf.Tensor => network.apply(tf.tensor2d([left], [1, 8], 'int32')) as tf.Tensor;
    const before = run();
    // The embedding of id 0 is what padding carries.
    const tokens = namedWeights(network)['tokens/embeddings'];
    tokens.assign(
      tf.mul(tokens, tf.sub(1, tf.mul(6, tf.oneHot(tf.tensor1d([0], 'int32'), 10).reshape([10, 1])))),
    );
    return distance(before, run());
  };
  expect(await moved(true)).toBe(0);
  expect(await moved(false)).toBeGreaterThan(1e-5);
});

test("lraClassifier with cuDNN's kernel is Trans. that sees padded tokens", async () => {
  // The kernel's heads have at least 8 features; where there is no such kernel, the layer computes the same otherwise.
  const task = { ...lra, rank: undefined, modelSize: 16, dropout: 0, seed: 4 };
  const options: LraClassifierConfig['mechanismOptions'] = { 'fused-softmax': { kernel: 'cudnn' } };
  const softmax = lraClassifier({ ...task, attention: ['softmax', 'softmax'] });
  const fused = lraClassifier({
    ...task,
    attention: ['fused-softmax', 'fused-softmax'],
    mechanismOptions: options,
  });
  const full = tf.fill([1, 8], 3, 'int32');
  const padded = tf.tensor2d([3, 3, 3, 3, 3, 0, 0, 0], [1, 8], 'int32');
  const difference = async (ids: tf.Tensor): Promise<number> =>
    distance(softmax.apply(ids) as tf.Tensor, fused.apply(ids) as tf.Tensor);
  // On an NVIDIA GPU the kernel is bf16.
  expect(await difference(full)).toBeLessThan(hasFusedAttention() ? 2e-2 : rounding);
  expect(await difference(padded)).toBeGreaterThan(10 * (await difference(full)));
});

test("lraClassifier with softmax by kernel 'tile' is Trans., with its mask and the weights that dropout takes", async () => {
  const task = { ...lra, rank: undefined, seed: 4 };
  const softmax = lraClassifier({
    ...task,
    attention: ['softmax', 'softmax'],
    mechanismOptions: { softmax: { dropoutDraw: 'products' } },
  });
  const kind = 'fused-softmax' as const;
  const options = { [kind]: { kernel: 'tile' } } as const;
  const tile = lraClassifier({ ...task, attention: [kind, kind], mechanismOptions: options });
  const [layer] = attentionLayers(tile);
  expect(layer.getConfig()).toMatchObject({ kernel: 'tile', maskMode: 'additive', dropout: 0.3 });
  // The second sample is padded, to its last token.
  const ids = tf.tensor2d([3, 7, 3, 3, 5, 0, 0, 0, ...new Array(8).fill(0)], [2, 8], 'int32');
  const train = (model: tf.LayersModel): tf.Tensor =>
    withRandomKey(randomKey(5), () => model.apply(ids, { training: true }) as tf.Tensor);
  expect(await distance(train(softmax), train(tile))).toBeLessThan(rounding);
  const exact = lraClassifier({
    ...task,
    maskMode: 'exact',
    attention: [kind, kind],
    mechanismOptions: options,
  });
  expect(attentionLayers(exact)[0].getConfig()).toMatchObject({ maskMode: 'exact' });
  const blockwise = lraClassifier({ ...task, attention: [kind, kind] });
  expect(attentionLayers(blockwise)[0].getConfig()).toMatchObject({ kernel: 'blockwise', dropout: 0.3 });
});
