import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FusedSoftmaxAttention, PrimalAttention, SoftmaxAttention } from '@primal-attention/attention';
import { attentionLayers, namedWeights, StatelessDropout } from '@primal-attention/models';
import { randomKey, withMatmulPrecision, withRandomKey } from '@primal-attention/runtime';
import { loadCheckpoint, readTensors, writeCheckpoint } from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { parseConfig, type RunConfig } from './config.js';
import { buildModel, type LraBatch, trainingLoss } from './model.js';
import { smallConfig } from './testing/small.js';

afterEach(() => tf.disposeVariables());

const models = {
  'Trans.': {
    layers: ['softmax', 'softmax'],
    mechanisms: { softmax: { maskMode: 'additive' } },
    eta: undefined,
  },
  'Primal.+Trans.': {},
} as const;

/** A small run of Text whose sizes kernels have. */
function configOf(model: keyof typeof models, change: object = {}): RunConfig {
  const sizes = { modelSize: 32, feedForward: 32, precision: 'tf32', dropout: 0.2 };
  return parseConfig(smallConfig('Text', { model, ...models[model], ...sizes, ...change }), model);
}

/** Four texts with some padding. Of one that is padding alone, plain softmax would round the scores to the digits of the penalty. */
function batch(): LraBatch {
  const ids = Int32Array.from({ length: 64 }, (_, i) => (i % 16 > 12 ? 0 : 1 + ((i * 7) % 99)));
  return { ids: tf.tensor2d(ids, [4, 16], 'int32'), labels: tf.tensor1d([0, 1, 1, 0], 'int32') };
}

interface Step {
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Float32Array>>;
}

function stepOf(model: tf.LayersModel, config: RunConfig): Step {
  const weights = namedWeights(model);
  const { value, grads } = withRandomKey(randomKey(5), () =>
    tf.variableGrads(
      () => withMatmulPrecision('float32', () => trainingLoss(model, config, batch()).loss as tf.Scalar),
      Object.values(weights),
    ),
  );
  const gradients = Object.entries(weights).map(
    ([name, { name: unique }]) => [name, grads[unique].dataSync() as Float32Array] as const,
  );
  return { loss: value.dataSync()[0], gradients: Object.fromEntries(gradients) };
}

function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  return Array.from(a).reduce((most, value, i) => Math.max(most, Math.abs(value - b[i])), 0);
}

describe.each(Object.keys(models) as (keyof typeof models)[])('%s', (model) => {
  const plain = configOf(model, { dropoutDraw: 'products' });
  const kernels = configOf(model, { dropoutDraw: 'products', kernels: true });

  it('has softmax layers by kernels where it has kernels, and only there', () => {
    const [before, after] = [plain, kernels].map((config) => attentionLayers(buildModel(config)));
    expect(before[0]).toBeInstanceOf(SoftmaxAttention);
    expect(before[0]).toMatchObject({ dropout: 0.2, dropoutDraw: 'products', maskMode: 'additive' });
    expect(after[0]).toBeInstanceOf(FusedSoftmaxAttention);
    expect(after[0]).toMatchObject({ kernel: 'tile', dropout: 0.2, maskMode: 'additive', tiles: undefined });
    const last = model === 'Trans.' ? FusedSoftmaxAttention : PrimalAttention;
    expect(after.map((layer) => layer instanceof last)).toEqual([model === 'Trans.', true]);
  });

  it('with kernels is the same function of the same weights, by which dropout takes the same elements', () => {
    const [expected, given] = [plain, kernels].map((config) => stepOf(buildModel(config), config));
    // Padded keys have the weight 0 in both, by a penalty or without: equal numbers here, of losses around 1 and gradients around 0.1.
    // A backend that adds in another order may differ in a few units of 2^-24.
    expect(Math.abs(given.loss - expected.loss)).toBeLessThan(1e-6);
    expect(Object.keys(given.gradients)).toEqual(Object.keys(expected.gradients));
    for (const [name, gradient] of Object.entries(expected.gradients)) {
      expect(largestDifference(given.gradients[name], gradient), name).toBeLessThan(1e-6);
    }
    // Masks that are drawn otherwise show.
    const elements = configOf(model);
    expect(Math.abs(stepOf(buildModel(elements), elements).loss - expected.loss)).toBeGreaterThan(1e-3);
  });

  it.each([
    ['with kernels', plain, kernels],
    ['without', kernels, plain],
  ])('%s reads a checkpoint of the other', async (_, from, to) => {
    const folder = mkdtempSync(join(tmpdir(), 'lra-checkpoint-'));
    try {
      const path = join(folder, 'last.safetensors');
      const written = namedWeights(buildModel({ ...from, seed: 1 }));
      await writeCheckpoint(path, { weights: await readTensors(written), metadata: new Map() });
      const read = namedWeights(buildModel({ ...to, seed: 2 }));
      expect(Object.keys(read)).toEqual(Object.keys(written));
      const name = 'layer0/attention/query/kernel';
      expect(read[name].dataSync()).not.toEqual(written[name].dataSync());
      await loadCheckpoint(path, { variables: read });
      for (const [name, weight] of Object.entries(read)) {
        expect(weight.dataSync(), name).toEqual(written[name].dataSync());
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('begins with the same weights with kernels and without', () => {
    const [before, after] = [plain, kernels].map((config) => namedWeights(buildModel(config)));
    for (const [name, weight] of Object.entries(before))
      expect(after[name].dataSync(), name).toEqual(weight.dataSync());
  });
});

/** All dropout layers of a model, also those of models inside it. */
function dropoutsOf(model: tf.LayersModel): StatelessDropout[] {
  return model.layers.flatMap((layer) => {
    if (layer instanceof StatelessDropout) return [layer];
    return layer instanceof tf.LayersModel ? dropoutsOf(layer) : [];
  });
}

it('dropout draws by elements unless the config says otherwise', () => {
  for (const kernels of [undefined, true]) {
    for (const dropoutDraw of [undefined, 'products'] as const) {
      const draws = dropoutsOf(buildModel(configOf('Primal.+Trans.', { kernels, dropoutDraw }))).map(
        ({ draw }) => draw,
      );
      // After the positions; of each layer's attention, hidden and output ones.
      expect(draws).toEqual(Array(7).fill(dropoutDraw ?? 'elements'));
    }
  }
});

it('launches of softmax kernels reach the layers', () => {
  const tiles = { attention: '32 queries, 32 keys, 4 warps, 2 stages' };
  const choice = { feedForward: '64 tokens x 8, 4 warps' };
  const [layer] = attentionLayers(buildModel(configOf('Trans.', { kernels: { choice, tiles } })));
  expect(layer).toMatchObject({ kernel: 'tile', tiles });
});

describe('settings of kernels and dropout that cannot be', () => {
  const refuse = (model: keyof typeof models, change: object, reason: RegExp): void =>
    expect(() => configOf(model, change)).toThrow(reason);

  it('are errors that say why', () => {
    refuse('Trans.', { dropoutDraw: 'elements' }, /must be 'products'; leave it out[\s\S]*dropoutDraw/);
    const own = { mechanisms: { softmax: { dropoutDraw: 'products' } } };
    expect(configOf('Trans.', own).mechanisms).toEqual(own.mechanisms);
    const twice = /leave this one out[\s\S]*mechanisms\.softmax\.dropoutDraw/;
    refuse('Trans.', { ...own, dropoutDraw: 'products' }, twice);
    refuse('Trans.', { ...own, kernels: true }, twice);
    const both = { model: 'own', layers: ['softmax', 'fused-softmax'], mechanisms: {} };
    refuse('Trans.', { ...both, kernels: true }, /layers of one of the two, got both/);
    const tiles = { attention: 'fast' };
    refuse(
      'Trans.',
      { kernels: { choice: {}, tiles } },
      /tiles\.attention must be one of '64 queries.*got "fast"/,
    );
    const primal = {
      layers: ['primal', 'primal'],
      model: 'Primal.',
      mechanisms: { primal: { rank: 2, rankMultiplier: 4 } },
    };
    const valid = { attention: '64 queries, 64 keys, 4 warps, 3 stages' };
    refuse('Primal.+Trans.', { ...primal, kernels: { choice: {}, tiles: valid } }, /the config has none/);
  });
});
