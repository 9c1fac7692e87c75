import { watchKernels } from '@primal-attention/experiment';
import { lraClassifier, namedWeights } from '@primal-attention/models';
import {
  costOf,
  jit,
  RandomStream,
  randomKey,
  tileKernelRefusal,
  withMatmulPrecision,
  withRandomKey,
} from '@primal-attention/runtime';
import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';
import { AdamW, type MomentOptimizerOptions, oneCycle } from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';
import type { Found } from './checks.js';
import { length, lossOf, texts } from './classifier.js';

const steps = 3;
const schedule = oneCycle({ maxLearningRate: 1e-2, totalSteps: 10, warmupSteps: 3 });

/** The text model, whose layers are plain: what differs is the optimizer alone. */
const newModel = (): tf.LayersModel =>
  lraClassifier({
    ...{ vocabulary: 256, maxLength: length, classes: 2, attention: ['primal', 'primal'] },
    ...{ rank: 20, rankMultiplier: 10, seed: 1 },
  });

/** Weights and moments after some steps, by their names. */
interface Trained {
  readonly state: Readonly<Record<string, Float32Array>>;
  /** Bytes of weights and moments, and of what the step computes in place. */
  readonly inPlace: { readonly expected: number; readonly given: number };
}

/** How a step makes the gradients of all weights from what differs between steps. */
type Gradients = (input: tf.Tensor) => tf.NamedTensorMap;

function trained(
  options: Omit<MomentOptimizerOptions, 'learningRate'>,
  gradientsOf: (model: tf.LayersModel) => Gradients,
  inputs: readonly tf.Tensor[],
): Trained {
  const model = newModel();
  const weights = namedWeights(model);
  const optimizer = new AdamW({ learningRate: 0, ...options });
  optimizer.build(weights);
  const gradients = gradientsOf(model);
  const step = jit((input: tf.Tensor) => {
    optimizer.applyGradients(gradients(input));
    return optimizer.step.clone();
  });
  for (const [i, input] of inputs.entries()) {
    Object.assign(optimizer, schedule(i));
    step(input).dispose();
  }
  const tensors = Object.entries<tf.Tensor>({ ...weights, ...optimizer.state() });
  const state = Object.fromEntries(
    tensors.flatMap(([name, tensor]) =>
      tensor.dtype === 'float32' ? [[name, tensor.dataSync() as Float32Array]] : [],
    ),
  );
  const given = costOf(step, inputs[0]).memory.alias;
  const expected = Object.values(state).reduce((sum, { byteLength }) => sum + byteLength, 0);
  step.dispose();
  optimizer.dispose();
  model.dispose();
  return { state, inPlace: { expected, given } };
}

/** By the kernel and by plain formulas: the largest ||a - b|| / ||b|| over weights and moments. */
function beside(limit: number, run: (kernels: boolean) => Trained): Found {
  const plain = run(false);
  const use = watchKernels(tf.backend() as unknown as XlaBackend);
  const { state, inPlace } = run(true);
  let [error, worst] = [0, 'none'];
  for (const [name, b] of Object.entries(plain.state)) {
    const a = state[name];
    const of = Math.hypot(...a.map((value, i) => value - b[i])) / Math.max(Math.hypot(...b), 1e-8);
    if (!(of <= error)) [error, worst] = [of, name];
  }
  const refusal = tileKernelRefusal();
  return {
    error,
    limit,
    wrong:
      refusal === undefined && use.calls !== 1
        ? `the step has ${use.calls} kernels, not one`
        : inPlace.given < inPlace.expected
          ? `${inPlace.given} bytes in place, weights and moments have ${inPlace.expected}`
          : undefined,
    detail:
      (refusal === undefined ? '' : `plain beside plain, since ${refusal}: `) +
      `most in ${worst}; ${inPlace.given} bytes in place`,
  };
}

/** Numbers of many sizes that have nothing to do with the model. */
function givenGradients(model: tf.LayersModel): Gradients {
  const stream = new RandomStream(3, 'tile-check gradients');
  const given = Object.values(namedWeights(model)).map(({ name, shape, size }): [string, tf.Tensor] => {
    const values = Float32Array.from({ length: size }, () => 10 ** (6 * stream.uniform() - 7));
    return [name, tf.tensor(values, shape)];
  });
  return (factor) => Object.fromEntries(given.map(([name, values]) => [name, tf.mul(values, factor)]));
}

function trainingGradients(model: tf.LayersModel): Gradients {
  const weights = Object.values(namedWeights(model));
  return (ids) =>
    withMatmulPrecision('float32', () =>
      withRandomKey(randomKey(3), () => tf.variableGrads(() => lossOf(model, ids, 'float32'), weights).grads),
    );
}

/** AdamW for all weights of the LRA classifier by its kernel, beside a formula for each weight. */
export function optimizerChecks(): Record<string, () => Found> {
  return {
    'AdamW of given gradients': () =>
      // A few roundings each step, square roots and quotients good to two units in the last place.
      beside(2e-6, (kernels) =>
        trained(
          { weightDecay: 0.1, kernels },
          givenGradients,
          Array.from({ length: steps }, (_, i) => tf.scalar((-1.5) ** i)),
        ),
      ),
    'training steps of the classifier with AdamW': () =>
      // Sums of gradients in another order. With this epsilon a weight moves in proportion to its gradient, whatever its size.
      beside(1e-4, (kernels) =>
        trained({ epsilon: 1, kernels }, trainingGradients, Array(steps).fill(texts(2))),
      ),
  };
}
