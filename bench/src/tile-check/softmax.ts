import { FusedSoftmaxAttention, layerWeights, SoftmaxAttention } from '@primal-attention/attention';
import {
  autocast,
  costOf,
  jit,
  RandomStream,
  randomKey,
  withMatmulPrecision,
  withRandomKey,
} from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import type { Found } from './checks.js';
import { type Arrays, read, worstError } from './errors.js';

/** Attention of the text model, with padding, at a length that no tile divides, and for which a CPU has all weights at once, too. */
const { batch, length, features } = { batch: 2, length: 1000, features: 64 };
/** H B N^2. */
const weights = 2 * batch * length ** 2;
const options = { name: 'softmax', heads: 2, dropout: 0.1, maskMode: 'additive' } as const;

/** Inputs and dropout of the steps that are compared. */
const seeds = [0, 1, 2, 3];

/** How much farther from float32 than the plain form in the same precision the kernels may be. */
const limit = 1.5;

type Layer = SoftmaxAttention | FusedSoftmaxAttention;

interface Trained {
  /** Output, and gradients in the input and all weights. */
  readonly arrays: Arrays;
  /** Bytes of what lives within the step alone. */
  readonly temporary: number;
}

/** Training steps of the layer. */
function trained(layer: Layer, precision: 'float32' | 'tf32' | 'bf16'): Trained {
  // The first sample is half padding.
  const real = Array.from({ length: batch }, (_, b) => (b === 0 ? length / 2 : length));
  const mask = tf.tensor2d(real.map((n) => Array.from({ length }, (_, i) => Number(i < n))));
  if (!layer.built) layer.build([[batch, length, features], mask.shape]);
  const variables = layerWeights(layer);
  const step = jit((x: tf.Tensor, mask: tf.Tensor, w: tf.Tensor, key: tf.Tensor1D) => {
    const call = (x: tf.Tensor): tf.Tensor =>
      withRandomKey(key, () =>
        autocast(
          precision === 'bf16' ? 'bf16' : 'float32',
          () => layer.apply([x, mask], { training: true }) as tf.Tensor,
        ),
      );
    const loss = (x: tf.Tensor): tf.Scalar => tf.sum(tf.mul(call(x), w));
    const { grads } = tf.variableGrads(() => loss(x), [...variables.values()]);
    const gradients = Object.fromEntries(
      [...variables].map(([name, { name: id }]) => [`d ${name}`, grads[id]]),
    );
    return { output: call(x), 'd x': tf.grad(loss)(x), ...gradients };
  });
  const given = (seed: number) => {
    const stream = new RandomStream(seed, 'tile-check softmax');
    const normal = (): tf.Tensor =>
      tf.tensor(
        Float32Array.from({ length: batch * length * features }, () => stream.normal()),
        [batch, length, features],
      );
    return [normal(), mask, normal(), randomKey(seed)] as const;
  };
  return withMatmulPrecision(precision === 'float32' ? 'float32' : 'tf32', () => ({
    arrays: read(seeds.map((seed) => step(...given(seed)))),
    temporary: costOf(step, ...given(0)).memory.temporary,
  }));
}

function layerCheck(precision: 'tf32' | 'bf16'): Found {
  const plain = new SoftmaxAttention({ ...options, dropoutDraw: 'products' });
  const exact = trained(plain, 'float32').arrays;
  const byPlain = trained(plain, precision).arrays;
  const made = trained(new FusedSoftmaxAttention({ ...options, kernel: 'tile' }), precision);
  const { name, ratio, ofKernels, ofPlain } = worstError(made.arrays, byPlain, exact, true);
  return {
    error: ratio,
    limit,
    // The plain form, which runs without kernels, has all of them in float32, and as much again.
    wrong: made.temporary < 4 * weights ? undefined : `${made.temporary} bytes, as if all weights were kept`,
    detail: `error of ${name} ${ofKernels.toExponential(1)}, of the plain form ${ofPlain.toExponential(1)}`,
  };
}

/** The softmax attention layer by kernels and in its plain form, each against float32. */
export function softmaxChecks(): Record<string, () => Found> {
  return {
    'softmax attention layer, bf16': () => layerCheck('bf16'),
    'softmax attention layer, TF32': () => layerCheck('tf32'),
  };
}
