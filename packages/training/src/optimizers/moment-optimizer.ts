import { isTracing } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { decayOf, oneMinusPower } from './decay.js';
import { type StepScalars, type Update, updated, updatedByKernels } from './update.js';

/** Variables under names of one's own choice, which stay the same from process to process, for checkpoints. */
export type NamedVariables = Record<string, tf.Variable>;

/** tfjs's pair of a variable's name and a tensor for it. */
export interface NamedTensor {
  name: string;
  tensor: tf.Tensor;
}

/** Options of optimizers that keep two moments of the gradient. */
export interface MomentOptimizerOptions {
  /** Step size, above 0 or 0. */
  learningRate: number;
  /** Decay rate of the first moment, in [0, 1). Default 0.9. */
  beta1?: number;
  /** Decay rate of the second moment, in [0, 1). Default 0.999. */
  beta2?: number;
  /** Added to the denominator. Default 1e-8. */
  epsilon?: number;
  /** Decoupled weight decay: the weights shrink by learningRate * weightDecay per step. Default 0. */
  weightDecay?: number;
  /**
   * Whether one GPU kernel updates all weights, where kernels run (`tileKernelRefusal` of @primal-attention/runtime); results
   * differ by roundings of float32. Default false: formulas of tfjs, a kernel for each weight.
   */
  kernels?: boolean;
}

/** What a step adds to a weight x after its decay: -stepSize * m / (rootScale * sqrt(v) + offset), all scalars. */
export interface UpdateRule {
  readonly stepSize: tf.Tensor;
  readonly rootScale: tf.Tensor;
  readonly offset: tf.Tensor;
}

interface Slot {
  name: string;
  readonly first: tf.Variable;
  readonly second: tf.Variable;
}

/**
 * What Adam's relatives share: moving averages of the gradient and of its square, and decoupled weight decay.
 *
 *     m <- m + (1 - beta1) (g - m),   v <- v + (1 - beta2) (g^2 - v)
 *     x <- x (1 - learningRate weightDecay) - stepSize m / (rootScale sqrt(v) + offset)
 *
 * Learning rate, decay rates, step and moments are `tf.Variable`s and everything is computed in the graph, so that a
 * compiled step follows a schedule without being compiled again. A variable without a gradient is left alone, as in
 * PyTorch: neither its moments nor its weight decay move.
 */
export abstract class MomentOptimizer extends tf.Optimizer {
  readonly epsilon: number;
  readonly weightDecay: number;
  /** Whether one GPU kernel updates all weights. */
  readonly kernels: boolean;
  /** Completed steps, an int32 scalar counted in the graph. */
  readonly step: tf.Variable;
  protected readonly rate: tf.Variable;
  /** -ln(beta1) and -ln(beta2): see decay.ts. */
  protected readonly decay1: tf.Variable;
  protected readonly decay2: tf.Variable;
  readonly #slots = new Map<tf.Variable, Slot>();
  #learningRate: number;
  #beta1: number;
  #beta2: number;

  constructor(options: MomentOptimizerOptions) {
    super();
    const {
      learningRate,
      beta1 = 0.9,
      beta2 = 0.999,
      epsilon = 1e-8,
      weightDecay = 0,
      kernels = false,
    } = options;
    this.#check('learningRate', learningRate, learningRate >= 0 && learningRate < Infinity, 'a number >= 0');
    this.#check('beta1', beta1, beta1 >= 0 && beta1 < 1, 'a number in [0, 1)');
    this.#check('beta2', beta2, beta2 >= 0 && beta2 < 1, 'a number in [0, 1)');
    this.#check('epsilon', epsilon, epsilon >= 0 && epsilon < Infinity, 'a number >= 0');
    this.#check('weightDecay', weightDecay, weightDecay >= 0 && weightDecay < Infinity, 'a number >= 0');
    this.#check('kernels', kernels, typeof kernels === 'boolean', 'true or false');
    this.#learningRate = learningRate;
    this.#beta1 = beta1;
    this.#beta2 = beta2;
    this.epsilon = epsilon;
    this.weightDecay = weightDecay;
    this.kernels = kernels;
    [this.step, this.rate, this.decay1, this.decay2] = tf.tidy(() => [
      tf.variable(tf.scalar(0, 'int32'), false),
      tf.variable(tf.scalar(learningRate), false),
      tf.variable(tf.scalar(decayOf(beta1)), false),
      tf.variable(tf.scalar(decayOf(beta2)), false),
    ]);
  }

  get learningRate(): number {
    return this.#learningRate;
  }

  /** Takes effect at the next step, compiled or not. */
  set learningRate(value: number) {
    this.#check('learningRate', value, value >= 0 && value < Infinity, 'a number >= 0');
    this.#assign('learningRate', this.rate, this.#learningRate, value, value);
    this.#learningRate = value;
  }

  get beta1(): number {
    return this.#beta1;
  }

  /** Takes effect at the next step, compiled or not. */
  set beta1(value: number) {
    this.#check('beta1', value, value >= 0 && value < 1, 'a number in [0, 1)');
    this.#assign('beta1', this.decay1, this.#beta1, value, decayOf(value));
    this.#beta1 = value;
  }

  get beta2(): number {
    return this.#beta2;
  }

  /** Completed steps, read from the device: it waits for the last step. The tensor is {@link step}. */
  override get iterations(): number {
    return this.step.dataSync()[0];
  }

  /** The subclass's formula at step t (float32 scalar, from 1). */
  protected abstract rule(step: tf.Scalar): UpdateRule;

  /**
   * Creates the moments of `variables`, all zero, where they do not exist yet. Without it the first step does.
   *
   * @param variables given by names, these are the names in {@link state}; else the variables' own
   */
  build(variables: readonly tf.Variable[] | NamedVariables): void {
    const named: [string, tf.Variable][] = Array.isArray(variables)
      ? (variables as readonly tf.Variable[]).map((variable) => [variable.name, variable])
      : Object.entries(variables as NamedVariables);
    for (const [name, variable] of named) {
      if (!variable.trainable) continue;
      const slot = this.#slots.get(variable);
      if (slot === undefined) this.#slots.set(variable, this.#createSlot(name, variable));
      else slot.name = name;
    }
  }

  override applyGradients(gradients: tf.NamedTensorMap | NamedTensor[]): void {
    const named: [string, tf.Tensor | null | undefined][] = Array.isArray(gradients)
      ? gradients.map(({ name, tensor }) => [name, tensor])
      : Object.entries(gradients);
    tf.tidy(() => {
      const count = tf.add(this.step, tf.scalar(1, 'int32'));
      const one = tf.scalar(1);
      const scalars: StepScalars = {
        ...this.rule(tf.cast(count, 'float32') as tf.Scalar),
        fresh1: oneMinusPower(this.decay1 as tf.Tensor as tf.Scalar, one),
        fresh2: oneMinusPower(this.decay2 as tf.Tensor as tf.Scalar, one),
        kept: this.weightDecay === 0 ? undefined : tf.sub(1, tf.mul(this.rate, this.weightDecay)),
      };
      const given = named.flatMap(([name, gradient]) =>
        // None for a variable that the loss does not depend on.
        gradient == null ? [] : [{ gradient, ...this.#variable(name) }],
      );
      const updates = given.map(
        ({ variable, slot: { first, second }, gradient }): Update => ({
          weight: variable,
          gradient,
          first,
          second,
        }),
      );
      const next = this.kernels
        ? updatedByKernels(updates, scalars)
        : updates.map((update) => updated(update, scalars));
      for (const [i, { variable, slot }] of given.entries()) {
        slot.first.assign(next[i].first);
        slot.second.assign(next[i].second);
        variable.assign(next[i].weight);
      }
      this.step.assign(count);
    });
  }

  /**
   * The optimizer's state for a checkpoint: `step`, and `<variable>/m` and `<variable>/v` for each variable that has
   * moments. The tensors are the optimizer's own variables: read them, do not dispose of them. Learning rate and decay
   * rates are configuration, or follow from a schedule and the step, and are not in it.
   */
  state(): Record<string, tf.Tensor> {
    const state: Record<string, tf.Tensor> = Object.create(null) as Record<string, tf.Tensor>;
    state.step = this.step;
    for (const { name, first, second } of this.#slots.values()) {
      state[`${name}/m`] = first;
      state[`${name}/v`] = second;
    }
    return state;
  }

  /**
   * Takes over a state that {@link MomentOptimizer.state} gave, in this process or another; the tensors stay the caller's.
   *
   * @throws Error when names, shapes or types differ from this optimizer's (call {@link build} first); nothing is
   * changed then
   */
  loadState(state: Record<string, tf.Tensor>): void {
    const own = this.state();
    const missing = Object.keys(own).filter((name) => !Object.hasOwn(state, name));
    const unknown = Object.keys(state).filter((name) => !(name in own));
    if (missing.length > 0 || unknown.length > 0) {
      throw new Error(
        `${this.getClassName()}.loadState: the state belongs to other variables; missing: [${missing.join(', ')}], ` +
          `unknown: [${unknown.join(', ')}]. Call build(variables) first, with the names that were used when it was saved`,
      );
    }
    for (const [name, variable] of Object.entries(own)) {
      const given = state[name];
      if (given.dtype !== variable.dtype || !tf.util.arraysEqual(given.shape, variable.shape)) {
        throw new Error(
          `${this.getClassName()}.loadState: '${name}' must be ${variable.dtype} [${variable.shape}], ` +
            `got ${given.dtype} [${given.shape}]`,
        );
      }
    }
    for (const [name, variable] of Object.entries(own)) (variable as tf.Variable).assign(state[name]);
  }

  override async getWeights(): Promise<NamedTensor[]> {
    return Object.entries(this.state()).map(([name, tensor]) => ({ name, tensor }));
  }

  override async setWeights(weights: NamedTensor[]): Promise<void> {
    this.loadState(Object.fromEntries(weights.map(({ name, tensor }) => [name, tensor])));
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { learningRate, beta1, beta2, epsilon, weightDecay, kernels } = this;
    // Without kernels what it was before there were any: it tells one run from another.
    return { learningRate, beta1, beta2, epsilon, weightDecay, ...(kernels && { kernels }) };
  }

  override dispose(): void {
    tf.dispose([this.step, this.rate, this.decay1, this.decay2]);
    for (const { first, second } of this.#slots.values()) tf.dispose([first, second]);
    this.#slots.clear();
  }

  /** A variable by tfjs's name, with its moments, which are made where they are missing. */
  #variable(name: string): { variable: tf.Variable; slot: Slot } {
    const variable = tf.engine().registeredVariables[name];
    if (variable === undefined) {
      throw new Error(
        `${this.getClassName()}.applyGradients: there is no variable '${name}'; was it disposed?`,
      );
    }
    let slot = this.#slots.get(variable);
    if (slot === undefined) {
      slot = this.#createSlot(name, variable);
      this.#slots.set(variable, slot);
    }
    return { variable, slot };
  }

  #createSlot(name: string, variable: tf.Variable): Slot {
    return tf.tidy(() => ({
      name,
      first: tf.variable(tf.zerosLike(variable), false),
      second: tf.variable(tf.zerosLike(variable), false),
    }));
  }

  #assign(name: string, variable: tf.Variable, old: number, value: number, held: number): void {
    if (isTracing()) {
      throw new Error(
        `${this.getClassName()}.${name}: cannot be set inside jit, where the value would be frozen into the program; ` +
          'set it before calling the compiled function',
      );
    }
    // An unchanged rate costs nothing: no value goes to the device.
    if (value !== old) tf.tidy(() => variable.assign(tf.scalar(held)));
  }

  #check(name: string, value: unknown, valid: boolean, expected: string): void {
    if (!valid) throw new Error(`${this.getClassName()}: ${name} must be ${expected}, got ${String(value)}`);
  }
}
