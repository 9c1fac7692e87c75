import { ksvdLoss, onScores, type PrimalAttention, withLosses } from '@primal-attention/attention';
import { autocast, randomKey, withMatmulPrecision, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type LraClassifierConfig, lraClassifier } from '../lra.js';
import { attentionLayers, namedWeights } from '../named-weights.js';
import { interpreterDevice } from '../testing/interpreter-device.js';
import type { KernelOptions } from './launches.js';

const isXla = tf.getBackend() === 'xla';

/** Small tiles, which are soon interpreted. */
const choice = {
  feedForward: '32 tokens x 8, 4 warps',
  feedForwardGradient: '16 tokens x 16, 4 warps',
  primal: '32 tokens x 8, 4 warps',
  primalGradient: '16 tokens x 16, 4 warps',
  primalWeightGradient: '16 tokens x 16, 4 warps',
} as const satisfies KernelOptions['choice'];

const small: Omit<LraClassifierConfig, 'maxLength'> = {
  vocabulary: 20,
  classes: 3,
  attention: ['primal'],
  rank: 5,
  rankMultiplier: 2,
  modelSize: 32,
  heads: 2,
  feedForward: 64,
  dropout: 0.1,
};

/** Token ids, of which the last are padding; the last sample is nothing else where `padded`. */
function texts(batch: number, length: number, padded = false): tf.Tensor2D {
  const id = (sample: number, position: number): number => {
    if (padded && sample === batch - 1) return 0;
    return position > 0 && position >= length - 2 * sample
      ? 0
      : 1 + ((sample * 5 + position * 7 + position ** 2) % 19);
  };
  const values = Array.from({ length: batch * length }, (_, i) => id(Math.floor(i / length), i % length));
  return tf.tensor2d(values, [batch, length], 'int32');
}

interface Outcome {
  readonly logits: Float32Array;
  readonly loss: number;
  readonly gradients: Readonly<Record<string, Float32Array>>;
}

/** A training step's forward pass and gradients. */
function stepOf(model: tf.LayersModel, ids: tf.Tensor, precision: 'tf32' | 'bf16' | 'float32'): Outcome {
  const weights = namedWeights(model);
  const labels = tf.oneHot(
    tf.tensor1d(
      Array.from({ length: ids.shape[0] }, (_, i) => i % 3),
      'int32',
    ),
    3,
  );
  let logits: tf.Tensor | undefined;
  const forward = (): { output: tf.Tensor; losses: ReturnType<typeof withLosses>['losses'] } =>
    withLosses(() => model.apply(ids, { training: true }) as tf.Tensor);
  const loss = (): tf.Scalar => {
    const { output, losses } =
      precision === 'bf16' ? autocast('bf16', forward) : withMatmulPrecision(precision, forward);
    logits = tf.keep(output);
    const crossEntropy = tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(output)), 1)));
    return tf.add(crossEntropy, tf.mul(0.1, ksvdLoss(losses, { reduction: 'batch' })));
  };
  const { value, grads } = withRandomKey(randomKey(3), () => tf.variableGrads(loss, Object.values(weights)));
  const gradients = Object.entries(weights).map(([name, weight]) => [name, grads[weight.name].dataSync()]);
  return {
    logits: logits!.dataSync() as Float32Array,
    loss: value.dataSync()[0],
    gradients: Object.fromEntries(gradients),
  };
}

/** The largest difference, in units of the largest number. @param floor what is less is rounding */
function errorOf(given: ArrayLike<number>, expected: ArrayLike<number>, floor = 0): number {
  let [difference, size] = [0, floor];
  for (let i = 0; i < expected.length; i++) {
    difference = Math.max(difference, Math.abs(given[i] - expected[i]));
    if (Number.isNaN(given[i])) return Number.NaN;
    size = Math.max(size, Math.abs(expected[i]));
  }
  return difference / size;
}

describe.runIf(isXla)('with a device that runs kernels', () => {
  let device: ReturnType<typeof interpreterDevice>;
  beforeEach(() => {
    device = interpreterDevice();
  });
  afterEach(() => {
    device.remove();
    tf.disposeVariables();
  });

  // A tile has 32 tokens at most, a program 256.
  it.each([
    ['one token', 1, 1, { attention: ['primal', 'softmax'] }],
    ['a sample of padding alone', 3, 7, { maskLandmarks: true }],
    ['several programs, one head', 1, 300, { modelSize: 16, heads: 1, trace: 'projections' }],
    ['several samples and layers', 3, 37, { attention: ['linear', 'primal'] }],
    ['dropout by products of words', 2, 37, { dropout: 0.2, dropoutDraw: 'products' }],
  ] as [string, number, number, Partial<LraClassifierConfig>][])(
    'loss and gradients are those of the plain form: %s',
    (_, batch, maxLength, rest) => {
      const config = { ...small, maxLength, ...rest };
      const ids = texts(batch, maxLength, rest.maskLandmarks);
      const expected = stepOf(lraClassifier(config), ids, 'tf32');
      expect(device.calls).toEqual([]);
      const given = stepOf(lraClassifier({ ...config, kernels: { choice } }), ids, 'tf32');
      const layers = config.attention.flatMap((kind) => [
        ...(kind === 'primal' ? ['primal'] : []),
        'feed_forward',
      ]);
      const forward = ['embedding', ...layers, 'norm_sums'];
      // Of a layer's kernels each gradient leaves parts of weights' gradients, which another kernel adds.
      const backward = forward.toReversed().flatMap((name) => {
        if (name === 'primal') return ['primal_weight_gradient', 'sum_rows', 'primal_gradient', 'sum_rows'];
        return name === 'feed_forward' ? ['feed_forward_gradient', 'sum_rows'] : [`${name}_gradient`];
      });
      expect(device.calls).toEqual([...forward, ...backward]);
      expect(errorOf(given.logits, expected.logits)).toBeLessThan(rounding);
      expect(Math.abs(given.loss / expected.loss - 1)).toBeLessThan(rounding);
      expect(Object.keys(given.gradients)).toEqual(Object.keys(expected.gradients));
      for (const [name, gradient] of Object.entries(expected.gradients)) {
        expect(errorOf(given.gradients[name], gradient, zero), name).toBeLessThan(rounding);
      }
    },
  );

  it('stored as bf16, gradients have the directions and sizes of float32', () => {
    const config = { ...small, maxLength: 41 };
    const ids = texts(2, 41);
    const expected = stepOf(lraClassifier(config), ids, 'tf32');
    const given = stepOf(lraClassifier({ ...config, kernels: { choice } }), ids, 'bf16');
    expect(device.calls.length).toBe(12);
    expect(Math.abs(given.loss / expected.loss - 1)).toBeLessThan(0.01);
    for (const [name, e] of Object.entries(expected.gradients)) {
      const g = given.gradients[name];
      const cosine =
        g.reduce((sum, value, i) => sum + value * e[i], 0) / (Math.hypot(...g) * Math.hypot(...e));
      // As plain formulations in bf16, see autocast.test.ts.
      expect(cosine, `direction of ${name}`).toBeGreaterThan(0.99);
      expect(Math.abs(Math.hypot(...g) / Math.hypot(...e) - 1), `size of ${name}`).toBeLessThan(0.05);
    }
  });

  it.each([
    ['products in full float32', {}, 'float32', []],
    ['sizes that are no powers of two', { modelSize: 24, feedForward: 40 }, 'tf32', []],
    ['heads of 8 features', { modelSize: 16, feedForward: 40 }, 'tf32', ['embedding', 'norm_sums']],
    ['a large table of tokens', { vocabulary: 1025, feedForward: 40 }, 'tf32', ['primal', 'norm_sums']],
    [
      'an objective of real tokens',
      { mechanismOptions: { primal: { maskObjective: true } }, feedForward: 40 },
      'tf32',
      ['embedding', 'norm_sums'],
    ],
  ] as [string, Partial<LraClassifierConfig>, 'float32' | 'tf32', string[]][])(
    'layers take the plain form for %s',
    (_, rest, precision, calls) => {
      const model = lraClassifier({ ...small, maxLength: 4, ...rest, kernels: true });
      const apply = () => model.apply(texts(1, 4)) as tf.Tensor;
      expect([...withMatmulPrecision(precision, apply).dataSync()].every(Number.isFinite)).toBe(true);
      expect(device.calls).toEqual(calls);
    },
  );

  it('a token that the table does not have, and too many tokens, are the errors of the plain form', () => {
    const model = lraClassifier({ ...small, maxLength: 4, kernels: { choice } });
    const apply = (ids: tf.Tensor) => withMatmulPrecision('tf32', () => model.apply(ids));
    expect(() => apply(tf.tensor2d([1, 2, 20, 3], [1, 4], 'int32'))).toThrow(/GatherV2.* 20 .*\[0, 19\]/);
    expect(() => apply(tf.ones([1, 5], 'int32'))).toThrow(/raise maxLength/);
  });

  it('the plain form runs for a layer that somebody listens to, and no tensor is left behind', () => {
    const model = lraClassifier({ ...small, maxLength: 4, kernels: { choice } });
    const ids = texts(1, 4);
    const apply = () => withMatmulPrecision('tf32', () => model.apply(ids) as tf.Tensor).dispose();
    let heard = 0;
    const stop = onScores(attentionLayers(model)[0] as PrimalAttention, () => heard++);
    apply();
    stop();
    const plain = ['embedding', 'feed_forward', 'norm_sums'];
    expect([heard, device.calls]).toEqual([1, plain]);
    const before = tf.memory().numTensors;
    apply();
    expect(tf.memory().numTensors).toBe(before);
    const byKernels = ['embedding', 'primal', 'feed_forward', 'norm_sums'];
    expect([heard, device.calls]).toEqual([1, [...plain, ...byKernels]]);
  });
});

/** The gradient of some weights, such as softmax attention's key bias, is 0 but for rounding. */
const zero = 1e-4;
/** Other orders of some hundred sums in float32, forward and backward. */
const rounding = 2e-5;
