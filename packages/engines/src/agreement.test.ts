import { ksvdLoss, withLosses } from '@primal-attention/attention';
import { namedWeights, ueaClassifier } from '@primal-attention/models';
import {
  type BackendName,
  backendOrder,
  dropout,
  foldIn,
  RandomStream,
  randomKey,
} from '@primal-attention/runtime';
import { AdamW, createTrainStep } from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { startEngine } from './start.js';

/** What one seed gives on an engine. */
interface Outcome {
  readonly initial: readonly Float32Array[];
  readonly mask: Uint8Array | Int32Array | Float32Array;
  readonly losses: readonly number[];
}

const [batch, length, features, classes, steps] = [8, 20, 3, 4, 40];

async function outcome(): Promise<Outcome> {
  const model = ueaClassifier({
    ...{ features, maxLength: length, classes, attention: ['softmax', 'primal'], rank: 4, seed: 3 },
    ...{ modelSize: 16, heads: 2, feedForward: 32, dropout: 0.1 },
  });
  const weights = namedWeights(model);
  const initial = await Promise.all(
    Object.values(weights).map(async (weight) => (await weight.data()).slice()),
  );
  const stream = new RandomStream(3, 'data');
  const labels = Int32Array.from({ length: batch }, (_, i) => i % classes);
  // Each class has a level of its own, under noise.
  const series = Float32Array.from(
    { length: batch * length * features },
    (_, i) => stream.normal() + labels[Math.floor(i / (length * features))],
  );
  const x = tf.tensor3d(series, [batch, length, features]);
  const real = tf.ones([batch, length]);
  const y = tf.tensor1d(labels, 'int32');
  const step = createTrainStep({
    variables: weights,
    optimizer: new AdamW({ learningRate: 3e-3 }),
    loss: (inputs: { x: tf.Tensor; real: tf.Tensor; y: tf.Tensor }) => {
      const { output, losses } = withLosses(
        () => model.apply([inputs.x, inputs.real], { training: true }) as tf.Tensor,
      );
      const logProbabilities = tf.logSoftmax(output as tf.Tensor2D);
      const picked = tf.sum(tf.mul(logProbabilities, tf.oneHot(inputs.y as tf.Tensor1D, classes)), -1);
      const crossEntropy = tf.neg(tf.mean(picked));
      return { loss: tf.add(crossEntropy, tf.mul(ksvdLoss(losses, { reduction: 'sample' }), 0.1)) };
    },
  });
  const key = randomKey(3);
  const losses: number[] = [];
  for (let i = 0; i < steps; i++) {
    const stepKey = foldIn(key, i);
    const { loss } = step({ x, real, y }, stepKey);
    losses.push((await loss.data())[0]);
    tf.dispose([loss, stepKey]);
  }
  const mask = await dropout(tf.ones([1000]), 0.1, key).data();
  model.dispose();
  return { initial: initial as Float32Array[], mask, losses };
}

/** Engines that work on this machine. In continuous integration TensorFlow's is installed before. */
const engines: BackendName[] = [];
const outcomes = new Map<BackendName, Outcome>();
const before = tf.getBackend();

beforeAll(async () => {
  for (const name of backendOrder) {
    try {
      await startEngine(name);
      engines.push(name);
    } catch (error) {
      if (process.env.PRIMAL_BACKEND === name) throw error;
      console.warn((error as Error).message);
      continue;
    }
    outcomes.set(name, await outcome());
  }
}, 300_000);
afterAll(() => tf.setBackend(before));

describe('one seed on every engine', () => {
  test('at least two are compared', () => expect(engines.length).toBeGreaterThanOrEqual(2));

  test('the same initial weights and dropout masks, bit for bit', () => {
    const [first, ...others] = engines.map((name) => outcomes.get(name) as Outcome);
    expect(first.mask.some((value) => value === 0)).toBe(true);
    for (const { initial, mask } of others) {
      expect(mask).toEqual(first.mask);
      expect(initial).toEqual(first.initial);
    }
  });

  test('training curves agree', () => {
    const [first, ...others] = engines.map((name) => outcomes.get(name) as Outcome);
    expect(first.losses[steps - 1]).toBeLessThan(0.5 * first.losses[0]);
    for (const { losses } of others) {
      // Float32 sums in another order; measured: 2e-7. AdamW divides by a gradient's size, which lets rounding grow.
      for (const [i, loss] of losses.entries()) expect(Math.abs(loss - first.losses[i])).toBeLessThan(1e-5);
    }
  });
});
