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
import type { Found } from './found.js';

/** Attention of the text model, with padding, at a length that no tile divides, and for which a CPU has all weights at once, too. */
const { batch, length, features } = { batch: 4, length: 700, features: 64 };
/** H B N^2. */
const weights = 2 * batch * length ** 2;
const options = { name: 'softmax', heads: 2, dropout: 0.1, maskMode: 'additive' } as const;

/** How much farther from float32 than the plain form in the same precision the kernels may be. */
const limit = 1.5;

type Layer = SoftmaxAttention | FusedSoftmaxAttention;

interface Trained {
  /** Output, and gradients in the input and all weights. */
  readonly tensors: Record<string, tf.Tensor>;
  /** Bytes of what lives within the step alone. */
  readonly temporary: number;
}

/** A training step of the layer. */
function trained(layer: Layer, precision: 'float32' | 'tf32' | 'bf16'): Trained {
  const stream = new RandomStream(2, 'tile-check softmax');
  const normal = (shape: number[]): tf.Tensor =>
    tf.tensor(
      Float32Array.from({ length: shape.reduce((a, b) => a * b, 1) }, () => stream.normal()),
      shape,
    );
  const [x, w] = [normal([batch, length, features]), normal([batch, length, features])];
  // The last sample but one is half padding.
  const real = Array.from({ length: batch }, (_, b) => (b === batch - 2 ? length / 2 : length));
  const mask = tf.tensor2d(real.map((n) => Array.from({ length }, (_, i) => Number(i < n))));
  if (!layer.built) layer.build([x.shape, mask.shape]);
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
  return withMatmulPrecision(precision === 'float32' ? 'float32' : 'tf32', () => {
    const args = [x, mask, w, randomKey(3)] as const;
    return { tensors: step(...args), temporary: costOf(step, ...args).memory.temporary };
  });
}

/** |a - b| / |b| of each tensor. */
function errors(given: Record<string, tf.Tensor>, exact: Record<string, tf.Tensor>): Map<string, number> {
  // The gradient of the keys' bias is zero in exact arithmetic.
  const names = Object.keys(exact).filter((name) => name !== 'd key/bias');
  return new Map(
    names.map((name) => {
      const [a, b] = [given[name].dataSync(), exact[name].dataSync()];
      let [difference, size] = [0, 0];
      for (let i = 0; i < b.length; i++) {
        difference += (a[i] - b[i]) ** 2;
        size += b[i] ** 2;
      }
      return [name, Math.sqrt(difference / size)];
    }),
  );
}

function layerCheck(precision: 'tf32' | 'bf16'): Found {
  const plain = new SoftmaxAttention(options);
  const exact = trained(plain, 'float32').tensors;
  const byPlain = errors(trained(plain, precision).tensors, exact);
  const made = trained(new FusedSoftmaxAttention({ ...options, kernel: 'tile' }), precision);
  const byKernels = errors(made.tensors, exact);
  let [error, worst] = [0, 'output'];
  for (const [name, mine] of byKernels) {
    const ratio = mine === 0 ? 0 : mine / byPlain.get(name)!;
    if (!(ratio <= error)) [error, worst] = [ratio, name];
  }
  const text = (found: Map<string, number>): string => found.get(worst)!.toExponential(1);
  return {
    error,
    limit,
    // The plain form, which runs without kernels, keeps them.
    wrong: made.temporary < 2 * weights ? undefined : `${made.temporary} bytes, as if all weights were kept`,
    detail: `error beside the plain form's; most in ${worst}: ${text(byKernels)} and ${text(byPlain)} from float32`,
  };
}

/** The softmax attention layer by kernels and in its plain form, each against float32. */
export function softmaxChecks(): Record<string, () => Found> {
  return {
    'softmax attention layer, bf16': () => layerCheck('bf16'),
    'softmax attention layer, TF32': () => layerCheck('tf32'),
  };
}
