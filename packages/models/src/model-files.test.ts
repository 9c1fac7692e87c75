import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { lraClassifier } from './lra.js';
import { ueaClassifier } from './uea.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'primal-models-'));
});
afterEach(async () => {
  tf.disposeVariables();
  await rm(folder, { recursive: true });
});

const size = {
  attention: ['softmax', 'primal'],
  rank: 2,
  rankMultiplier: 3,
  modelSize: 8,
  heads: 2,
  feedForward: 12,
  maxLength: 6,
  classes: 3,
  seed: 5,
  // Without random masks a training step can be repeated.
  dropout: 0,
} as const;
const ids = (seed: number): tf.Tensor => tf.randomUniform([4, 6], 0, 10, 'int32', seed);
const models: [string, () => tf.LayersModel, () => tf.Tensor[]][] = [
  [
    'ueaClassifier',
    () => ueaClassifier({ ...size, features: 2 }),
    () => [tf.randomNormal([4, 6, 2], 0, 1, 'float32', 4), tf.ones([4, 6])],
  ],
  ['lraClassifier', () => lraClassifier({ ...size, vocabulary: 10 }), () => [ids(1)]],
  [
    'lraClassifier, dual',
    () => lraClassifier({ ...size, vocabulary: 10, dual: true }),
    () => [ids(1), ids(2)],
  ],
];

it.each(models)(
  '%s, trained, is saved to a folder and loaded with its optimizer',
  async (_, make, inputs) => {
    const model = make();
    const compileArgs: tf.ModelCompileArgs = { optimizer: tf.train.adam(0.02), loss: 'meanSquaredError' };
    model.compile(compileArgs);
    const [x, y] = [inputs(), tf.randomNormal([4, 3], 0, 1, 'float32', 3)];
    const train = (m: tf.LayersModel) => m.trainOnBatch(x, y) as Promise<number>;
    await train(model);
    await train(model);
    await model.save(`file://${folder}`, { includeOptimizer: true });
    const loaded = await tf.loadLayersModel(`file://${folder}/model.json`);
    const predictions = (m: tf.LayersModel) => [...(m.predict(x) as tf.Tensor).dataSync()];
    expect(predictions(loaded)).toEqual(predictions(model));
    expect(loaded.getWeights().map(({ shape }) => shape)).toEqual(
      model.getWeights().map(({ shape }) => shape),
    );
    // The next update is the same one, moments of Adam included: without them predictions would differ by some 0.01.
    // (Adam divides by small numbers, which makes more of the rounding of two programs than 1e-6.)
    expect(await train(loaded)).toBeCloseTo(await train(model), 6);
    const [expected, actual] = [predictions(model), predictions(loaded)];
    for (const [i, value] of expected.entries()) expect(actual[i]).toBeCloseTo(value, 4);
  },
);
