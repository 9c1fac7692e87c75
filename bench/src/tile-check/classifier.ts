import { ksvdLoss, withLosses } from '@primal-attention/attention';
import { type LraClassifierConfig, lraClassifier, namedWeights } from '@primal-attention/models';
import {
  autocast,
  costOf,
  type DropoutDraw,
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
import { type Arrays, errorOf, read, worstError } from './errors.js';

/** Not a multiple of any tile. */
const batch = 4;
export const length = 1000;

type Storage = 'bf16' | 'tf32';

/**
 * Steps whose texts and dropout differ. Gradients of few numbers, or such that nearly cancel, as that of the queries' bias, have
 * errors of few directions, which a few steps would compare by chance.
 */
const seeds = Array.from({ length: 16 }, (_, i) => i);

/** Half the distance of two neighbours above 1: so far may the loss be off, by rounding its logits alone. */
const roundoff = { bf16: 2 ** -8, tf32: 2 ** -11 } as const;

/** What the training steps computed. */
interface Steps {
  readonly losses: Arrays;
  /** The gradient of each weight. */
  readonly gradients: Arrays;
  readonly flops: number;
}

/** Texts of which the last two end in padding. */
export function texts(seed: number): tf.Tensor2D {
  const stream = new RandomStream(seed, 'tile-check texts');
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

function stepsOf(model: tf.LayersModel, precision: Storage | 'float32'): Steps {
  const weights = namedWeights(model);
  const storage = precision === 'bf16' ? 'bf16' : 'float32';
  const step = jit((ids: tf.Tensor, key: tf.Tensor1D) =>
    withMatmulPrecision(precision === 'float32' ? 'float32' : 'tf32', () =>
      withRandomKey(key, () => tf.variableGrads(() => lossOf(model, ids, storage), Object.values(weights))),
    ),
  );
  const made = seeds.map((seed) => step(texts(seed), randomKey(seed)));
  const { flops } = costOf(step, texts(0), randomKey(0));
  step.dispose();
  const gradients = made.map(({ grads }) =>
    Object.fromEntries(Object.entries(weights).map(([name, weight]) => [name, grads[weight.name]!])),
  );
  return { losses: read(made.map(({ value }) => ({ loss: value }))), gradients: read(gradients), flops };
}

/**
 * Moves all units of the head's hidden layer to one side of its relu's kink. Else a rounding that moves one unit across it
 * changes every gradient below by a tenth, and the check would compare how often that happened.
 */
function straighten(model: tf.LayersModel): void {
  const { 'classifier/hidden/kernel': kernel, 'classifier/hidden/bias': bias } = namedWeights(model);
  tf.tidy(() => {
    kernel!.assign(tf.mul(kernel!, 0.1));
    bias!.assign(tf.onesLike(bias!));
  });
}

/** The classifier of bytes with all its kernels. */
export function kernelClassifier(
  attention: 'primal' | 'softmax',
  config: Pick<LraClassifierConfig, 'dropoutDraw' | 'seed'> & { readonly maxLength?: number },
): tf.LayersModel {
  const kind = attention === 'softmax' ? 'fused-softmax' : attention;
  return lraClassifier({
    ...{ vocabulary: 256, maxLength: length, classes: 2, attention: [kind, kind] },
    ...{ rank: 20, rankMultiplier: 10, kernels: true },
    ...(attention === 'softmax' && { mechanismOptions: { [kind]: { kernel: 'tile' } } }),
    ...config,
  });
}

/** How much further from float32 kernels are than plain formulations, at the weight where that is worst. */
function furtherThanPlain(
  attention: 'primal' | 'softmax',
  storage: Storage,
  dropoutDraw: DropoutDraw,
): Found {
  const model = kernelClassifier(attention, { dropoutDraw });
  straighten(model);
  const reference = withTileKernels('off', () => stepsOf(model, 'float32'));
  const plain = withTileKernels('off', () => stepsOf(model, storage));
  const given = stepsOf(model, storage);
  const again = stepsOf(model, storage);
  model.dispose();
  const refusal = tileKernelRefusal();
  const { name, ratio, ofKernels, ofPlain } = worstError(
    given.gradients,
    plain.gradients,
    reference.gradients,
    attention === 'softmax',
  );
  const ofLoss = errorOf(given.losses.loss!, reference.losses.loss!);
  const wrong = [
    ...(refusal === undefined && given.flops === plain.flops ? ['the plain formulation ran'] : []),
    ...(ofLoss <= roundoff[storage] ? [] : [`error of the loss ${ofLoss.toExponential(1)}`]),
  ];
  return {
    error: ratio,
    limit: 1.5,
    wrong: wrong.length === 0 ? undefined : wrong.join('; '),
    detail:
      (refusal === undefined ? '' : `plain beside plain, since ${refusal}: `) +
      `error of ${name} ${ofKernels.toExponential(1)}, of the plain form ${ofPlain.toExponential(1)}; ` +
      `compiled and computed once more, ${unlike(given.gradients, again.gradients)} gradients have other bits`,
  };
}

/** How many of the arrays differ anywhere. Sums by XLA itself may add atomically, in another order each time. */
function unlike(one: Arrays, other: Arrays): string {
  const names = Object.keys(one);
  const differ = names.filter((name) => one[name]!.some((value, i) => !Object.is(value, other[name]![i])));
  return `${differ.length} of ${names.length}`;
}

/** All gradients of the whole LRA classifier, whose kernels may be 1.5 times as far from float32 as plain formulations. */
export function classifierChecks(): Record<string, () => Found> {
  return {
    'Primal classifier, stored as bf16': () => furtherThanPlain('primal', 'bf16', 'products'),
    'Primal classifier, products as TF32': () => furtherThanPlain('primal', 'tf32', 'elements'),
    'softmax classifier, stored as bf16': () => furtherThanPlain('softmax', 'bf16', 'products'),
    'softmax classifier, products as TF32': () => furtherThanPlain('softmax', 'tf32', 'elements'),
  };
}
