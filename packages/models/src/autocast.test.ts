import { ksvdLoss, onScores, type PrimalAttention, withLosses } from '@primal-attention/attention';
import { autocast, costOf, jit, randomKey, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { lraClassifier } from './lra.js';
import { namedWeights } from './named-weights.js';

/*
 * Two layers of about twenty roundings each, of relative size 2^-8 at random signs, forward and backward. A weight's
 * gradient sums over hundreds of tokens, so its direction keeps far better than single numbers do.
 */
const direction = 0.99;
const size = 0.05;

const [batch, length] = [3, 48];

test('a Primal classifier under autocast: loss, KSVD objective and the gradient of every weight', () => {
  const model = lraClassifier({
    vocabulary: 20,
    maxLength: length,
    classes: 3,
    attention: ['primal', 'primal'],
    rank: 5,
    modelSize: 32,
    feedForward: 64,
  });
  const ids = tf.tensor2d(
    Int32Array.from({ length: batch * length }, (_, i) => (i * 7 + ((i * i) % 11)) % 20),
    [batch, length],
    'int32',
  );
  const labels = tf.oneHot(tf.tensor1d([0, 2, 1], 'int32'), 3).cast('float32');
  const weights = namedWeights(model);
  const variables = Object.values(weights);
  const loss = (precision: 'bf16' | 'float32'): tf.Scalar => {
    const { output, losses } = autocast(precision, () =>
      withLosses(() => model.apply(ids, { training: true }) as tf.Tensor),
    );
    const crossEntropy = tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(output)), 1)));
    return tf.add(crossEntropy, tf.mul(0.1, ksvdLoss(losses, { reduction: 'batch' }))) as tf.Scalar;
  };
  const step = (precision: 'bf16' | 'float32') =>
    jit(() => withRandomKey(randomKey(3), () => tf.variableGrads(() => loss(precision), variables)));
  const [wide, narrow] = [step('float32'), step('bf16')];
  const [exact, coarse] = [wide(), narrow()];

  const [expected, got] = [exact.value, coarse.value].map((value) => value.dataSync()[0]);
  expect(Math.abs(got / expected - 1)).toBeLessThan(0.01);
  const norm = (list: Float32Array): number => Math.hypot(...list);
  for (const [name, variable] of Object.entries(weights)) {
    const [g, e] = [coarse, exact].map(({ grads }) => grads[variable.name].dataSync() as Float32Array);
    const cosine = g.reduce((sum, value, i) => sum + value * e[i], 0) / (norm(g) * norm(e));
    expect(cosine, `direction of ${name}`).toBeGreaterThan(direction);
    expect(Math.abs(norm(g) / norm(e) - 1), `size of ${name}`).toBeLessThan(size);
  }
  if (tf.getBackend() !== 'xla') return;
  const [costWide, costNarrow] = [costOf(wide), costOf(narrow)];
  // Nearly all that passes between kernels is activations: what stays float32 is masks, the norms' inner parts, weights.
  expect(costNarrow.bytes / costWide.bytes).toBeLessThan(0.75);
  expect(costNarrow.flops).toBe(costWide.flops);
});

test.runIf(tf.getBackend() === 'xla')('queries, keys and scores are stored as bf16', () => {
  const model = lraClassifier({ vocabulary: 20, maxLength: 8, classes: 3, attention: ['primal'], rank: 2 });
  const layer = model.getLayer('layer0/attention') as PrimalAttention;
  const stored: boolean[] = [];
  const backend = tf.backend() as unknown as { isNarrow(tensor: tf.Tensor): boolean };
  const stop = onScores(layer, ({ queries, keys, e, r, landmarks }) => {
    stored.push(...[queries, keys, e, r, landmarks].map((tensor) => backend.isNarrow(tensor)));
  });
  const output = autocast('bf16', () => model.apply(tf.ones([1, 8], 'int32')) as tf.Tensor);
  stop();
  expect(stored).toEqual([true, true, true, true, true]);
  expect(backend.isNarrow(output)).toBe(false);
});
