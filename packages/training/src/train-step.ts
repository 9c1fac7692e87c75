import { jit, type RandomKey, withRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { clipByGlobalNorm } from './clip.js';
import { MomentOptimizer, type NamedVariables } from './optimizers/moment-optimizer.js';

/** A tensor, or arrays and plain objects of tensors. */
export type Batch = tf.Tensor | readonly Batch[] | { readonly [name: string]: Batch };

/** What the forward pass gives: the loss to minimise, and numbers worth seeing. */
export interface LossAndMetrics<M extends string = never> {
  readonly loss: tf.Tensor;
  readonly metrics?: Readonly<Record<M, tf.Tensor>>;
}

/** Options of {@link createTrainStep}. */
export interface TrainStepOptions<B extends Batch, M extends string = never> {
  /** The variables to train. Names, where given, are those of the optimizer's state. */
  readonly variables: readonly tf.Variable[] | NamedVariables;
  /** {@link RAdam}, {@link AdamW}, or one of `tf.train` at a constant rate. */
  readonly optimizer: tf.Optimizer;
  /** The forward pass over one batch. Called once per signature where programs are compiled. */
  readonly loss: (batch: B) => LossAndMetrics<M>;
  /** Clips the gradients to this global norm. Default: no clipping. */
  readonly clipNorm?: number;
}

/** One step's scalar loss and the metrics, which the caller disposes of. */
export type StepOutputs<M extends string = never> = { readonly [name in M | 'loss']: tf.Tensor };

/**
 * A training step, compiled as one program where the backend can: forward pass, gradients, clipping, update.
 *
 * The step takes a batch and, when layers draw random numbers (dropout), a key for it, which the layers find by
 * `nextRandomKey`. It returns the loss before the update and the metrics; nothing is read, so the host can run ahead.
 *
 * An optimizer of `tf.train` keeps its rate as a plain number, which a compiled program freezes: where programs are
 * compiled, changing it after the first step is an error.
 */
export function createTrainStep<B extends Batch, M extends string = never>(
  options: TrainStepOptions<B, M>,
): (batch: B, stepKey?: RandomKey) => StepOutputs<M> {
  const program = jit(stepFunction(options, 'createTrainStep'));
  return (batch, stepKey) => (stepKey === undefined ? program(batch) : program(batch, stepKey));
}

/** The step before it is compiled, for programs that do more around it. */
export function stepFunction<B extends Batch, M extends string>(
  { variables, optimizer, loss, clipNorm }: TrainStepOptions<B, M>,
  caller: string,
): (batch: B, stepKey?: RandomKey) => StepOutputs<M> {
  const list = Array.isArray(variables)
    ? (variables as tf.Variable[])
    : Object.values(variables as NamedVariables);
  const trainable = list.filter((variable) => variable.trainable);
  if (trainable.length === 0) {
    throw new Error(
      `${caller}: none of the ${list.length} variables is trainable; there is nothing to train`,
    );
  }
  if (clipNorm !== undefined && !(clipNorm > 0)) {
    throw new Error(`${caller}: clipNorm must be above 0, got ${clipNorm}; leave it out for no clipping`);
  }
  if (optimizerOfOurs(optimizer)) optimizer.build(variables);

  return (batch, stepKey) =>
    tf.tidy(() => {
      let metrics: Record<string, tf.Tensor> = {};
      const forward = (): tf.Scalar => {
        const result = loss(batch);
        checkLoss(result, caller);
        // What the forward pass makes ends with it, unless it is kept.
        metrics = mapValues(result.metrics ?? {}, (metric) => tf.keep(tf.clone(metric)));
        return result.loss as tf.Scalar;
      };
      const { value, grads } = tf.variableGrads(
        () => (stepKey === undefined ? forward() : withRandomKey(stepKey, forward)),
        trainable,
      );
      const gradients = clipNorm === undefined ? grads : clipByGlobalNorm(grads, clipNorm).gradients;
      optimizer.applyGradients(trainable.map(({ name }) => ({ name, tensor: gradients[name] })));
      const outputs = { loss: value, ...mapValues(metrics, (metric) => tf.clone(metric)) };
      tf.dispose(metrics);
      return outputs as StepOutputs<M>;
    });
}

/** `instanceof` would not do: tf.Optimizer answers it for everything that looks like an optimizer. */
function optimizerOfOurs(optimizer: tf.Optimizer): optimizer is MomentOptimizer {
  return Object.prototype.isPrototypeOf.call(MomentOptimizer.prototype, optimizer);
}

function checkLoss(result: LossAndMetrics<string>, caller: string): void {
  const loss = result?.loss;
  if (!(loss instanceof tf.Tensor) || loss.rank !== 0) {
    const given = loss instanceof tf.Tensor ? `shape [${loss.shape}]` : String(loss);
    throw new Error(
      `${caller}: loss(batch) must return { loss, metrics? } with a scalar loss, got ${given}; take its mean`,
    );
  }
  if (result.metrics !== undefined && Object.hasOwn(result.metrics, 'loss')) {
    throw new Error(
      `${caller}: loss(batch) returns a metric named 'loss', the name of the loss itself; rename it`,
    );
  }
}

function mapValues<T, R>(record: Readonly<Record<string, T>>, fn: (value: T) => R): Record<string, R> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, fn(value)]));
}
