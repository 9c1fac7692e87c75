import { createHash } from 'node:crypto';
import { watchKernels } from '@primal-attention/experiment';
import { namedWeights } from '@primal-attention/models';
import {
  jit,
  randomKey,
  tileKernelRefusal,
  withMatmulPrecision,
  withRandomKey,
} from '@primal-attention/runtime';
import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';
import { AdamW } from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';
import type { Found } from './checks.js';
import { kernelClassifier, length, lossOf, texts } from './classifier.js';

/** Texts that take turns. */
const differentTexts = 16;

/** The first 16 hex digits of a SHA-256 of all weights, with their names: what a run that is repeated to the bit has again. */
export function bitsOf(weights: Readonly<Record<string, tf.Tensor>>): string {
  const hash = createHash('sha256');
  for (const [name, weight] of Object.entries(weights)) {
    const { buffer, byteOffset, byteLength } = weight.dataSync();
    hash.update(`${name}\0`).update(new Uint8Array(buffer, byteOffset, byteLength));
  }
  return hash.digest('hex').slice(0, 16);
}

/** Trains the LRA classifier with kernels and dropout, stored as bf16. @returns the bits of its weights then */
export function trainedBits(attention: 'primal' | 'softmax', { steps = 100, tokens = length } = {}): Found {
  const model = kernelClassifier(attention, { maxLength: tokens, dropoutDraw: 'products', seed: 1 });
  const weights = namedWeights(model);
  const optimizer = new AdamW({ learningRate: 1e-3, weightDecay: 0.1, kernels: true });
  optimizer.build(weights);
  const use = watchKernels(tf.backend() as unknown as XlaBackend);
  const step = jit((ids: tf.Tensor, key: tf.Tensor1D) =>
    withMatmulPrecision('tf32', () =>
      withRandomKey(key, () => {
        const { value, grads } = tf.variableGrads(() => lossOf(model, ids, 'bf16'), Object.values(weights));
        optimizer.applyGradients(grads);
        return value;
      }),
    ),
  );
  const data = Array.from({ length: differentTexts }, (_, seed) => tf.slice(texts(seed), 0, [4, tokens]));
  let loss = Number.NaN;
  for (let i = 0; i < steps; i++) {
    const value = step(data[i % differentTexts]!, randomKey(i));
    if (i === steps - 1) [loss] = value.dataSync() as Float32Array as unknown as [number];
    value.dispose();
  }
  const bits = bitsOf(weights);
  step.dispose();
  optimizer.dispose();
  model.dispose();
  const refusal = tileKernelRefusal();
  const wrong = [
    ...(refusal === undefined && use.calls === 0 ? ['the plain formulation ran'] : []),
    // Weights that are not numbers have the same bits again, too.
    ...(Number.isFinite(loss) ? [] : [`the loss is ${loss}`]),
  ];
  return {
    bits,
    wrong: wrong.length === 0 ? undefined : wrong.join('; '),
    detail:
      (refusal === undefined ? '' : `by plain formulations, since ${refusal}: `) +
      `weights ${bits}, loss ${loss.toFixed(4)}`,
  };
}

/** Training of whole classifiers, whose bits processes are compared by. */
export function trainingChecks(): Record<string, () => Found> {
  return {
    '100 training steps of the Primal classifier, bf16': () => trainedBits('primal'),
    '100 training steps of the softmax classifier, bf16': () => trainedBits('softmax'),
  };
}
