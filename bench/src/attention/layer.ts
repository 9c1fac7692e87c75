import {
  type AttentionLayer,
  createAttention,
  layerWeights,
  type Mechanism,
  mechanisms,
} from '@primal-attention/attention';
import {
  autocast,
  type ComputationCost,
  costOf,
  type JitFunction,
  jit,
  nextRandomKey,
  RandomStream,
  randomKey,
  randomNormal,
  withMatmulPrecision,
  withRandomKey,
} from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import type { LayerCase } from './settings.js';

/** What a step gives: sum(output * w), and its gradients by name, `x` and the weights'. */
export interface StepResult {
  readonly loss: tf.Tensor;
  readonly gradients: Record<string, tf.Tensor>;
}

/**
 * A layer with random weights and inputs, and its compiled step, forward and backward.
 *
 * The loss is sum(output * w) with a fixed random w, so that no part of the output can be left out; all gradients are
 * results of the program, so that none of them can.
 */
export class LayerUnderTest {
  readonly #case: LayerCase;
  readonly #layer: AttentionLayer;
  readonly #x: tf.Variable;
  readonly #outputWeights: tf.Tensor;
  readonly #key: ReturnType<typeof randomKey>;
  readonly #forward: JitFunction<[], tf.Tensor>;
  readonly #step: JitFunction<[], StepResult>;

  constructor(of: LayerCase) {
    const { mechanism, config, features, heads, length, batch, seed } = of;
    this.#case = of;
    const entry = (mechanisms as unknown as Record<string, Mechanism>)[mechanism];
    // The name decides the initial weights, with the seed.
    this.#layer = createAttention(entry, { heads, seed, name: `bench/${mechanism}`, ...config });
    // Builds the layer and computes nothing.
    this.#layer.apply(tf.input({ shape: [length, features] }));
    this.#x = tf.variable(randomNumbers([batch, length, features], new RandomStream(seed, 'x')));
    this.#outputWeights = randomNumbers([batch, length, features], new RandomStream(seed, 'w'));
    this.#key = randomKey(seed);
    this.#forward = jit(() => this.#output());
    this.#step = jit(() => this.#lossAndGradients());
  }

  /** Starts a step. */
  step(): StepResult {
    return this.#inPrecision(() => this.#step());
  }

  /** What the forward pass or a step takes; compiles it, and does not run it. */
  costOf(part: 'forward' | 'step'): ComputationCost {
    return this.#inPrecision(() => (part === 'forward' ? costOf(this.#forward) : costOf(this.#step)));
  }

  /** What a peer needs to compute the same: `x`, `w`, and the weights by name; and random numbers that the layer draws. */
  given(): Record<string, tf.Tensor> {
    return {
      x: this.#x,
      w: this.#outputWeights,
      ...Object.fromEntries(layerWeights(this.#layer)),
      ...this.#drawn(),
    };
  }

  /** The names of the weights that are trained. */
  get trainable(): string[] {
    return [...this.#trainable().keys()];
  }

  /** Frees what the layer has on the device. */
  dispose(): void {
    this.#forward.dispose();
    this.#step.dispose();
    this.#layer.dispose();
    tf.dispose([this.#x, this.#outputWeights, this.#key]);
  }

  #output(): tf.Tensor {
    const { precision } = this.#case;
    const forward = (): tf.Tensor => this.#layer.apply(this.#x, { training: true }) as tf.Tensor;
    return withRandomKey(this.#key, () => (precision === 'bf16' ? autocast('bf16', forward) : forward()));
  }

  #lossAndGradients(): StepResult {
    const variables = new Map([['x', this.#x], ...this.#trainable()]);
    const { value, grads } = tf.variableGrads(
      () => tf.sum(tf.mul(this.#output(), this.#outputWeights)),
      [...variables.values()],
    );
    // A weight that has no part in the output, such as Primal's lambda, has no gradient.
    const gradients = [...variables].flatMap(([name, variable]) => {
      const gradient = grads[variable.name] as tf.Tensor | null | undefined;
      return gradient ? [[name, gradient] as const] : [];
    });
    return { loss: value, gradients: Object.fromEntries(gradients) };
  }

  #trainable(): Map<string, tf.Variable> {
    return new Map([...layerWeights(this.#layer)].filter(([, variable]) => variable.trainable));
  }

  /** What autocast leaves in float32 has the device's fast products, as in the peer. */
  #inPrecision<R>(fn: () => R): R {
    return withMatmulPrecision(this.#case.precision === 'float32' ? 'float32' : 'tf32', fn);
  }

  /** Reformer's rotations, which it makes of the call's first key. */
  #drawn(): Record<string, tf.Tensor> {
    const { mechanism, config, heads, features } = this.#case;
    if (mechanism !== 'reformer' || config.buckets === undefined) return {};
    const columns = [config.buckets].flat().reduce<number>((sum, n) => sum + (n as number), 0) / 2;
    const shape = [heads, features / heads, config.hashes as number, columns];
    const rotations = withRandomKey(this.#key, () => randomNormal(nextRandomKey(), shape));
    return { rotations };
  }
}

/** Standard normal numbers, the same on every backend. */
function randomNumbers(shape: number[], stream: RandomStream): tf.Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(
    Float32Array.from({ length: size }, () => stream.normal()),
    shape,
  );
}
