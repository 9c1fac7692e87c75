import { ksvdLoss, withLosses } from '@primal-attention/attention';
import { type AttentionKind, lraClassifier, namedWeights } from '@primal-attention/models';
import {
  autocast,
  type ComputationCost,
  costOf,
  foldIn,
  jit,
  RandomStream,
  randomKey,
  withMatmulPrecision,
  withRandomKey,
} from '@primal-attention/runtime';
import { AdamW, constant, createTrainStep, oneCycle, type Schedule } from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';
import type { Measurement, Protocol } from './measurement.js';
import { common, type Model, models, type PrimalSettings, type Task, tasks } from './settings.js';

/** One batch: ids [B, N] of one document or two, and labels [B], int32. */
type Batch = { readonly documents: readonly tf.Tensor[]; readonly labels: tf.Tensor };

/** A model in training. */
export interface TrainingStep {
  /** Trained numbers. */
  readonly parameters: number;
  /** Starts one step, at the rates of its place in the schedule; the loss is the caller's. */
  readonly step: () => tf.Tensor;
  /** What a step takes; it is compiled for that, if it was not yet. */
  readonly cost: () => ComputationCost;
}

type StepSettings = Pick<Measurement, 'task' | 'model' | 'precision' | 'kernels' | 'length' | 'batch'> &
  Pick<Protocol, 'schedule' | 'seed'>;

/**
 * The training step that the paper times, on one random batch: forward pass with dropout, cross entropy and
 * eta (mean_b J_b)^2, mean over Primal layers, backward pass, AdamW with the rates of the schedule. One compiled program.
 *
 * How it differs from the official code: a batch of the image tasks is computed at once, where that adds the gradients of two
 * halves; softmax attention is kept for the backward pass, where that computes it anew.
 */
export function trainingStep(settings: StepSettings): TrainingStep {
  const { precision, schedule: name, seed } = settings;
  const task: Task = tasks[settings.task];
  const { model, eta } = classifier(settings);
  const schedule = scheduleOf(name, task);
  const optimizer = new AdamW({
    ...schedule(0),
    epsilon: common.epsilon,
    kernels: settings.kernels === 'on',
  });
  const key = randomKey(seed);
  const loss = ({ documents, labels }: Batch): { loss: tf.Tensor } => {
    const inputs = documents.length === 1 ? documents[0] : [...documents];
    const forward = () => withLosses(() => model.apply(inputs, { training: true }) as tf.Tensor);
    const { output, losses } = withRandomKey(foldIn(key, optimizer.step as tf.Tensor as tf.Scalar), () =>
      precision === 'bf16' ? autocast('bf16', forward) : forward(),
    );
    const chosen = tf.oneHot(labels as tf.Tensor1D, task.classes);
    const crossEntropy = tf.mean(tf.neg(tf.sum(tf.mul(chosen, tf.logSoftmax(output)), -1)));
    if (losses.length === 0) return { loss: crossEntropy };
    return { loss: tf.add(crossEntropy, tf.mul(ksvdLoss(losses, { reduction: 'batch' }), eta)) };
  };
  const variables = namedWeights(model);
  const train = createTrainStep<Batch>({ variables, optimizer, loss });
  // Compiled once more around it, since its own program is not open to analysis; inside, it is simply called.
  const program = jit((batch: Batch) => train(batch).loss);
  const batch = randomBatch(task, settings);
  // What autocast leaves in float32 has the device's fast products.
  const products = precision === 'float32' ? 'float32' : 'tf32';
  let steps = 0;
  return {
    parameters: Object.values(variables).reduce(
      (sum, { trainable, size }) => sum + (trainable ? size : 0),
      0,
    ),
    cost: () => withMatmulPrecision(products, () => costOf(program, batch)),
    step: () => {
      Object.assign(optimizer, schedule(steps++));
      return withMatmulPrecision(products, () => program(batch));
    },
  };
}

function scheduleOf(name: Protocol['schedule'], { totalSteps, warmupSteps }: Task): Schedule {
  const { learningRate } = common;
  return name === 'constant'
    ? constant(learningRate)
    : oneCycle({ maxLearningRate: learningRate, totalSteps, warmupSteps });
}

/** The task's model with initial weights, and the weight of the KSVD loss. */
export function classifier(settings: Pick<StepSettings, 'task' | 'model' | 'kernels' | 'length' | 'seed'>): {
  model: tf.LayersModel;
  eta: number;
} {
  const { length, seed } = settings;
  const task: Task = tasks[settings.task];
  const { attention, options, primal }: Model = models[settings.model];
  const kernels = settings.kernels === 'on';
  // The one layer of softmax attention that has a kernel.
  const kinds = attention.map(
    (kind): AttentionKind => (kernels && kind === 'softmax' ? 'fused-softmax' : kind),
  );
  const chosen: PrimalSettings | undefined = primal && task[primal];
  const model = lraClassifier({
    attention: kinds,
    mechanismOptions: {
      ...(kinds.includes('fused-softmax') && kernels && { 'fused-softmax': { kernel: 'tile' as const } }),
      ...options?.(task, length),
    },
    kernels,
    ...{ vocabulary: task.vocabulary, maxLength: length, classes: task.classes, dual: task.dual },
    // Both forms, so that they drop the same: no form draws masks at a cost that it need not have.
    ...{ dropout: common.dropout, dropoutDraw: 'products', seed },
    ...(chosen && { rank: chosen.rank, rankMultiplier: common.rankMultiplier }),
  });
  return { model, eta: chosen?.eta ?? 0 };
}

/** Documents of random ids, where they are padded between a quarter of N and all of it, and labels. */
function randomBatch(
  { ids: { first, count, padded }, dual, classes }: Task,
  { batch, length, seed }: StepSettings,
): Batch {
  const stream = new RandomStream(seed, 'efficiency');
  const below = (limit: number): number => Math.floor(stream.uniform() * limit);
  const documents = Array.from({ length: dual ? 2 : 1 }, () => {
    const ids = new Int32Array(batch * length);
    for (let b = 0; b < batch; b++) {
      const shortest = length >> 2;
      const used = padded ? shortest + below(length - shortest + 1) : length;
      for (let i = 0; i < used; i++) ids[b * length + i] = first + below(count);
    }
    return tf.tensor2d(ids, [batch, length], 'int32');
  });
  const labels = Int32Array.from({ length: batch }, (_, i) => i % classes);
  return { documents, labels: tf.tensor1d(labels, 'int32') };
}
