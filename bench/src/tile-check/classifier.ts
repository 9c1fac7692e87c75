import { ksvdLoss, withLosses } from '@primal-attention/attention';
import { lraClassifier, namedWeights } from '@primal-attention/models';
import {
  autocast,
  costOf,
  jit,
  RandomStream,
  randomKey,
  tileKernelRefusal,
  withMatmulPrecision,
  withRandomKey,
  withTileKernels,
} from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import type { Found } from './checks.js';

/** Not a multiple of any tile. */
const batch = 4;
export const length = 1000;

type Storage = 'bf16' | 'tf32';

/** What one training step computed. */
interface Step {
  /** Loss first, then the gradient of each weight. */
  readonly numbers: Readonly<Record<string, Float32Array>>;
  readonly flops: number;
}

/** Texts of which the last two end in padding. */
export function texts(): tf.Tensor2D {
  const stream = new RandomStream(2, 'tile-check texts');
  const values = Int32Array.from({ length: batch * length }, (_, i) =>
    i % length < length - 300 * Math.max(0, Math.floor(i / length) - 1) ? 1 + stream.integer(255) : 0,
  );
  return tf.tensor2d(values, [batch, length], 'int32');
}

/** Cross entropy and a tenth of the KSVD term: all weights have gradients. */
export function lossOf(model: tf.LayersModel, ids: tf.Tensor, storage: 'bf16' | 'float32'): tf.Scalar {
  const labels = tf.oneHot(tf.tensor1d([0, 1, 1, 0], 'int32'), 2);
  const { output, losses } = autocast(storage, () =>
    withLosses(() => model.apply(ids, { training: true }) as tf.Tensor),
  );
  const crossEntropy = tf.neg(tf.mean(tf.sum(tf.mul(labels, tf.logSoftmax(output)), 1)));
  return tf.add(crossEntropy, tf.mul(0.1, ksvdLoss(losses, { reduction: 'batch' })));
}

function stepOf(model: tf.LayersModel, precision: Storage | 'float32'): Step {
  const weights = namedWeights(model);
  const storage = precision === 'bf16' ? 'bf16' : 'float32';
  const step = jit((ids: tf.Tensor) =>
    withMatmulPrecision(precision === 'float32' ? 'float32' : 'tf32', () =>
      withRandomKey(randomKey(3), () =>
        tf.variableGrads(() => lossOf(model, ids, storage), Object.values(weights)),
      ),
    ),
  );
  const ids = texts();
  const { value, grads } = step(ids);
  const read = (tensor: tf.Tensor): Float32Array => tensor.dataSync() as Float32Array;
  const gradients = Object.entries(weights).map(([name, weight]) => [name, read(grads[weight.name])]);
  const { flops } = costOf(step, ids);
  step.dispose();
  return { numbers: { loss: read(value), ...Object.fromEntries(gradients) }, flops };
}

/** ||a - b|| / ||b||, of what is not nothing but rounding. */
function errorOf(a: Float32Array, b: Float32Array): number {
  return Math.hypot(...a.map((value, i) => value - b[i])) / Math.max(Math.hypot(...b), 1e-4);
}

/** Less than what float32 itself is good for: errors below count as this. */
const exact = 1e-5;

/** How much further from float32 kernels are than plain formulations, at the weight where that is worst. */
function furtherThanPlain(attention: ('primal' | 'softmax')[], storage: Storage): Found {
  const model = lraClassifier({
    ...{ vocabulary: 256, maxLength: length, classes: 2, attention, rank: 20, rankMultiplier: 10 },
    kernels: true,
  });
  const reference = withTileKernels('off', () => stepOf(model, 'float32'));
  const plain = withTileKernels('off', () => stepOf(model, storage));
  const given = stepOf(model, storage);
  model.dispose();
  const refusal = tileKernelRefusal();
  let worst = { name: '', ratio: 0, ofKernels: 0, ofPlain: 0 };
  for (const [name, numbers] of Object.entries(reference.numbers)) {
    const [ofKernels, ofPlain] = [given, plain].map((step) => errorOf(step.numbers[name], numbers));
    const ratio = Math.max(ofKernels, exact) / Math.max(ofPlain, exact);
    if (!(ratio <= worst.ratio)) worst = { name, ratio, ofKernels, ofPlain };
  }
  const { name, ratio, ofKernels, ofPlain } = worst;
  return {
    error: ratio,
    limit: 1.5,
    wrong: refusal === undefined && given.flops === plain.flops ? 'the plain formulation ran' : undefined,
    detail:
      (refusal === undefined ? '' : `plain beside plain, since ${refusal}: `) +
      `error of ${name} ${ofKernels.toExponential(1)}, of the plain form ${ofPlain.toExponential(1)}`,
  };
}

/** Loss and all gradients of the whole LRA classifier, whose kernels may be 1.5 times as far from float32 as plain formulations. */
export function classifierChecks(): Record<string, () => Found> {
  return {
    'Primal classifier, stored as bf16': () => furtherThanPlain(['primal', 'primal'], 'bf16'),
    'Primal classifier, products as TF32': () => furtherThanPlain(['primal', 'primal'], 'tf32'),
    'softmax classifier, stored as bf16': () => furtherThanPlain(['softmax', 'softmax'], 'bf16'),
  };
}
