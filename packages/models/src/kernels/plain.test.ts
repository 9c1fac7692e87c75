import {
  attachKsvdLoss,
  ksvdLoss,
  onScores,
  type PrimalAttention,
  withLosses,
} from '@primal-attention/attention';
import { hasTileKernels, jit, randomKey, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import type { KernelBlock } from '../layers/kernel-block.js';
import { type LraClassifierConfig, lraClassifier } from '../lra.js';
import { attentionLayers, namedWeights } from '../named-weights.js';

const config: LraClassifierConfig = {
  vocabulary: 10,
  maxLength: 8,
  classes: 4,
  attention: ['softmax', 'primal'],
  rank: 2,
  rankMultiplier: 3,
  modelSize: 32,
  feedForward: 16,
  dropout: 0.3,
  seed: 5,
};
const ids = (shift: number): tf.Tensor =>
  tf.tensor2d(
    Array.from({ length: 24 }, (_, i) => (i % 8 < 6 ? (i * 3 + shift) % 10 : 0)),
    [3, 8],
    'int32',
  );
const inputs = [ids(1), ids(4)];

afterEach(() => tf.disposeVariables());

const primalLayer = (model: tf.LayersModel): PrimalAttention => attentionLayers(model)[1] as PrimalAttention;

describe.runIf(!hasTileKernels())('a model with kernels where none run', () => {
  it.each([false, true])('is the model without, to the bit, in loss and gradients: dual %s', (dual) => {
    const results = [false, true].map((kernels) => {
      const model = lraClassifier({ ...config, dual, kernels });
      const weights = namedWeights(model);
      const step = jit(() =>
        withRandomKey(randomKey(3), () =>
          tf.variableGrads(() => {
            const { output, losses } = withLosses(
              () => model.apply(dual ? inputs : inputs[0], { training: true }) as tf.Tensor,
            );
            const loss = tf.mean(tf.square(tf.logSoftmax(output)));
            return tf.add(loss, ksvdLoss(losses, { reduction: 'sample' })) as tf.Scalar;
          }, Object.values(weights)),
        ),
      );
      const { value, grads } = step();
      const read = (tensor: tf.Tensor): number[] => [...tensor.dataSync()];
      return {
        names: Object.keys(weights),
        initial: Object.values(weights).map(read),
        loss: read(value),
        gradients: Object.values(weights).map(({ name }) => read(grads[name])),
      };
    });
    expect(results[1]).toEqual(results[0]);
    expect(results[0].gradients.every((gradient) => gradient.some((value) => value !== 0))).toBe(true);
  });

  it('shows its scores, and adds the KSVD objective in model.fit', async () => {
    const outcomes = [];
    for (const kernels of [false, true]) {
      const model = lraClassifier({ ...config, dropout: 0, kernels });
      const layer = primalLayer(model);
      expect(layer.name).toBe('layer1/attention');
      const heard: number[] = [];
      const stop = onScores(layer, ({ e }) => heard.push(...e.dataSync()));
      (model.apply(inputs[0]) as tf.Tensor).dispose();
      stop();
      expect(heard.length).toBe(3 * 2 * 8 * 2);
      attachKsvdLoss(layer, 100, { reduction: 'batch' });
      model.compile({ optimizer: 'sgd', loss: 'meanSquaredError' });
      const loss = await model.trainOnBatch(inputs[0], tf.ones([3, 4]));
      outcomes.push({ heard, loss });
    }
    expect(outcomes[1]).toEqual(outcomes[0]);
  });

  it('goes to a file and back, with its launches, and takes the weights of a model without', async () => {
    const choice = { feedForward: '32 tokens x 8, 4 warps', primalWeightGradient: '64 tokens x 8, 4 warps' };
    const model = lraClassifier({ ...config, kernels: { choice } });
    let saved: tf.io.ModelArtifacts | undefined;
    const save = tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    });
    await model.save(save);
    const loaded = await tf.loadLayersModel(tf.io.fromMemory(saved!));
    expect(Object.keys(namedWeights(loaded))).toEqual(Object.keys(namedWeights(model)));
    const predict = (of: tf.LayersModel): number[] => [...(of.predict(inputs[0]) as tf.Tensor).dataSync()];
    expect(predict(loaded)).toEqual(predict(model));
    for (const name of ['layer0/feedforward', 'layer1/primal', 'layer1/feedforward', 'mean/norm']) {
      expect((loaded.getLayer(name) as KernelBlock).kernels).toEqual({ choice });
    }
    const plain = lraClassifier({ ...config, seed: 6 });
    await plain.save(save);
    loaded.loadWeights(namedWeights(plain));
    expect(predict(loaded)).toEqual(predict(plain));
  });
});

it.each([
  ['yes', /lraClassifier: kernels must be true, false or \{ choice: \{ … \} \}, got "yes"/],
  [{ choose: {} }, /got key 'choose'/],
  [
    { choice: { softmax: '' } },
    /kernels\.choice has 'softmax'; the kernels are feedForward, .*primalWeightGradient/,
  ],
  [
    { choice: { primal: '8 tokens' } },
    /kernels\.choice\.primal must be one of 64 tokens x 8, 4 warps; .*got '8 tokens'/,
  ],
])('refuses kernels %o', (kernels, message) => {
  expect(() => lraClassifier({ ...config, kernels: kernels as never })).toThrow(message);
});
