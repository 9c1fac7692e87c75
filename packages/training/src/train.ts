import { foldIn, jit, randomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { type Column, type ColumnBatch, type Columns, countSamples, epochOrder } from './batches.js';
import { RunClock } from './clock.js';
import { NonFiniteError, runEpoch } from './epoch.js';
import { checkBatchSize, packScalars } from './evaluate.js';
import type { MomentOptimizer, NamedVariables } from './optimizers/moment-optimizer.js';
import { autoProgress } from './progress/auto.js';
import type { ProgressSink } from './progress/sink.js';
import { findNonFinite, readTensors } from './run/checkpoint.js';
import { configHash } from './run/config-hash.js';
import { type MetricsLine, MetricsLog } from './run/metrics-log.js';
import { type BestEvaluation, RunFolder, type RunPosition } from './run/run-folder.js';
import type { Schedule } from './schedule.js';
import { type LossAndMetrics, stepFunction } from './train-step.js';

/** Options of {@link train}. */
export interface TrainOptions<K extends string, M extends string = never> {
  /** All variables of the model, under the names they have in checkpoints; those that are not trainable are saved too. */
  readonly variables: NamedVariables;
  readonly optimizer: MomentOptimizer;
  /** Sets the optimizer's rates before each step, counted from 0 over the whole run. Default: the optimizer's own. */
  readonly schedule?: Schedule;
  /** The forward pass over a batch: loss and metrics as scalars, means over the batch. */
  readonly loss: (batch: ColumnBatch<K>) => LossAndMetrics<M>;
  /** Clips the gradients to this global norm. Default: no clipping. */
  readonly clipNorm?: number;
  /** The training data. */
  readonly data: Columns<K>;
  /** Samples per step; the last batch of an epoch may be smaller. */
  readonly batchSize: number;
  readonly epochs: number;
  /** Fixes the order of the samples and the random numbers of each step. Initial weights are the caller's. */
  readonly seed: number;
  /** Measures the model after `epoch` epochs (0: before training), for instance with `createEvaluator`. */
  readonly evaluate?: (epoch: number) => Promise<Readonly<Record<string, number>>>;
  /** The epochs with an evaluation. Default {@link paperEvaluations}. */
  readonly evaluateAt?: (epoch: number, epochs: number) => boolean;
  /** Which number of an evaluation decides what is the best checkpoint. The first of equals is kept. */
  readonly best?: { readonly metric: string; readonly mode: 'max' | 'min' };
  /**
   * Folder for metrics.jsonl, timing.jsonl, last.safetensors, best.safetensors and result.json. Without one a run leaves
   * no files and cannot be resumed.
   */
  readonly directory?: string;
  /** What else defines the run, as JSON. With the settings given here it makes the hash that a folder belongs to. */
  readonly config?: unknown;
  /** Checkpoints are at least this far apart, but for the best and the last one. Default 0: after each epoch. */
  readonly secondsBetweenCheckpoints?: number;
  /** Default {@link autoProgress}. */
  readonly progress?: ProgressSink;
  /** What to do when the loss or a weight is NaN or infinite. Default 'stop', with a {@link NonFiniteError}. */
  readonly onNonFinite?: 'stop' | 'continue';
  /** Ends the run early when it is aborted: a checkpoint is written, and {@link StoppedError} thrown. */
  readonly stop?: AbortSignal;
}

/** A run was ended early by its `stop` signal. Started again with the same arguments it goes on. */
export class StoppedError extends Error {
  override readonly name = 'StoppedError';
  constructor(
    message: string,
    /** Completed steps. */
    readonly step: number,
  ) {
    super(message);
  }
}

export interface TrainResult extends RunPosition {
  readonly configHash: string;
  /** All lines of metrics.jsonl. */
  readonly history: readonly MetricsLine[];
  /** The best evaluation, where `best` was asked for. */
  readonly best?: BestEvaluation;
  /** True when the folder held this run already: nothing was computed, and no variable has changed. */
  readonly skipped: boolean;
}

/** The paper's evaluations of UEA: before training, after the first, each second, and the last epoch. */
export function paperEvaluations(epoch: number, epochs: number): boolean {
  return epoch <= 1 || epoch % 2 === 0 || epoch === epochs;
}

/**
 * Trains a model: epochs over data in memory, in a new random order each time.
 *
 * Everything follows from the seed, the state of model and optimizer at the start, and the numbers of epoch and step;
 * nothing from what ran before in this process. So a run in a folder that was killed at any moment and is started again with the same
 * arguments ends, where the backend is deterministic, with the same weights and the same metrics.jsonl, byte for byte.
 * A finished run is not repeated but skipped; a folder with another configuration's run is an error.
 *
 * @throws NonFiniteError naming epoch and step; the last good checkpoint is left
 * @throws StoppedError after the epoch under way, where `stop` was aborted before the last one
 */
export async function train<K extends string, M extends string = never>(
  options: TrainOptions<K, M>,
): Promise<TrainResult> {
  const samples = check(options);
  const { variables, optimizer, schedule, data, batchSize, epochs, seed, directory } = options;
  const { evaluate, evaluateAt = paperEvaluations, onNonFinite = 'stop', stop } = options;
  const progress = options.progress ?? autoProgress();
  const stepsPerEpoch = Math.ceil(samples / batchSize);
  const totalSteps = epochs * stepsPerEpoch;
  const config = describeRun(options, totalSteps, evaluateAt);
  const hash = configHash(config);
  const folder = directory === undefined ? undefined : new RunFolder(directory, hash);
  const finished = folder?.finished();
  if (finished !== undefined) {
    progress.message(`${directory} holds this run already: nothing to do`);
    progress.close();
    const { epoch, step, best } = finished;
    return { epoch, step, best, configHash: hash, history: folder!.history(), skipped: true };
  }

  optimizer.build(variables);
  const resumed = await folder?.resume(variables, optimizer);
  let position: RunPosition = resumed?.position ?? { epoch: 0, step: 0 };
  const log = new MetricsLog(folder?.logPaths, resumed?.logs);
  const program = compileStep(options, position.step);
  const clock = new RunClock(position.step);
  const firstStep = position.step;
  let lastSave = Number.NEGATIVE_INFINITY;

  const show = (epoch: number, step: number, means: Record<string, number>): void => {
    const { loss, accuracy } = means;
    progress.update({
      step,
      totalSteps,
      epoch,
      totalEpochs: epochs,
      loss,
      accuracy,
      ...clock.rate(step, totalSteps),
    });
  };

  /** What comes after an epoch, and before the first: evaluation, log, checkpoint. */
  const conclude = async (): Promise<void> => {
    const { epoch, step } = position;
    let improved = false;
    if (evaluate !== undefined && evaluateAt(epoch, epochs)) {
      const begin = performance.now();
      const metrics = { ...(await evaluate(epoch)) };
      log.append({ kind: 'evaluation', epoch, step, metrics }, (performance.now() - begin) / 1000);
      const value = options.best === undefined ? undefined : bestValue(options.best.metric, metrics);
      if (value !== undefined && isBetter(options.best!.mode, value, position.best?.value)) {
        position = { epoch, step, best: { epoch, value, metrics: log.history.at(-1)!.metrics } };
        improved = true;
        if (epoch > 0)
          progress.message(`epoch ${epoch}: best ${options.best!.metric} ${value.toPrecision(5)}`);
      }
    }
    const late = performance.now() - lastSave >= 1000 * (options.secondsBetweenCheckpoints ?? 0);
    const due = late || stop?.aborted;
    if (folder === undefined || !(due || improved || epoch === epochs)) return;
    const [weights, state] = await Promise.all([readTensors(variables), readTensors(optimizer.state())]);
    if (onNonFinite === 'stop') checkFinite(position, weights);
    const logs = log.flush();
    await folder.saveLast(position, logs, weights, state);
    if (improved) await folder.saveBest(position, logs, weights);
    lastSave = performance.now();
  };

  try {
    if (resumed === undefined) {
      await conclude();
    } else {
      progress.message(`resuming after epoch ${position.epoch} of ${epochs}`);
      if (await folder!.lacksBest(position)) {
        await folder!.saveBest(position, resumed.logs, await readTensors(variables));
      }
    }
    let measuring = false;
    while (position.epoch < epochs) {
      if (stop?.aborted) {
        throw new StoppedError(`train: stopped after epoch ${position.epoch} of ${epochs}`, position.step);
      }
      const epoch = position.epoch + 1;
      const begin = performance.now();
      const metrics = await runEpoch({
        ...{ data, batchSize, epoch, order: epochOrder(seed, epoch, samples), firstStep: position.step },
        beforeStep: (step) => {
          if (!measuring && step > firstStep) {
            clock.start(step);
            measuring = true;
          }
          if (schedule !== undefined) applyRates(schedule, step, optimizer);
        },
        step: program.run,
        names: program.names,
        stopAtNonFinite: onNonFinite === 'stop',
        onProgress: (step, means) => show(epoch, step, means),
      });
      position = { ...position, epoch, step: position.step + stepsPerEpoch };
      log.append({ kind: 'train', epoch, step: position.step, metrics }, (performance.now() - begin) / 1000);
      await clock.pause(conclude);
    }
    log.flush();
    folder?.finish(position, config);
    return { ...position, configHash: hash, history: log.history, skipped: false };
  } finally {
    progress.close();
    log.close();
    program.dispose();
  }
}

/** The compiled step of a run: it counts itself, and draws its random key from seed and count. */
function compileStep<K extends string, M extends string>(
  options: TrainOptions<K, M>,
  firstStep: number,
): { run: (batch: ColumnBatch<K>) => tf.Tensor; names: () => readonly string[]; dispose: () => void } {
  const step = stepFunction<ColumnBatch<K>, M>(options, 'train');
  const runKey = randomKey(options.seed);
  const counter = tf.tidy(() => tf.variable(tf.scalar(firstStep, 'int32'), false));
  let names: readonly string[] = [];
  const run = jit(
    (batch: ColumnBatch<K>): tf.Tensor =>
      tf.tidy(() => {
        const outputs: Record<string, tf.Tensor> = step(
          batch,
          foldIn(runKey, counter as tf.Tensor as tf.Scalar),
        );
        counter.assign(tf.add(counter, tf.scalar(1, 'int32')));
        names = Object.keys(outputs);
        return packScalars(outputs, 'train');
      }),
  );
  return { run, names: () => names, dispose: () => tf.dispose([runKey, counter]) };
}

function applyRates(schedule: Schedule, step: number, optimizer: MomentOptimizer): void {
  const { learningRate, beta1 } = schedule(step);
  optimizer.learningRate = learningRate;
  if (beta1 !== undefined) optimizer.beta1 = beta1;
}

/** What decides the outcome of a run, apart from code, data and initial weights: what its hash is made of. */
function describeRun<K extends string, M extends string>(
  options: TrainOptions<K, M>,
  totalSteps: number,
  evaluateAt: (epoch: number, epochs: number) => boolean,
): Record<string, unknown> {
  const { optimizer, schedule, seed, epochs, batchSize, clipNorm, best } = options;
  const settings: Record<string, unknown> = { name: optimizer.getClassName(), ...optimizer.getConfig() };
  const rates =
    schedule === undefined ? undefined : Array.from({ length: totalSteps }, (_, step) => schedule(step));
  // What the schedule sets is not the optimizer's own.
  for (const name of Object.keys(rates?.[0] ?? {})) delete settings[name];
  const epochNumbers = Array.from({ length: epochs + 1 }, (_, epoch) => epoch);
  return {
    ...{ config: options.config ?? null, seed, epochs, batchSize, clipNorm, best, optimizer: settings },
    rates: rates === undefined ? undefined : configHash(rates.map((rate) => ({ ...rate }))),
    evaluations: options.evaluate && epochNumbers.filter((epoch) => evaluateAt(epoch, epochs)),
    data: Object.fromEntries(
      Object.entries<Column>(options.data).map(([name, { shape }]) => [name, [...shape]]),
    ),
  };
}

function bestValue(metric: string, metrics: Readonly<Record<string, number>>): number {
  if (!Object.hasOwn(metrics, metric)) {
    throw new Error(
      `train: best.metric '${metric}' is not among what evaluate returned: ${Object.keys(metrics).join(', ')}`,
    );
  }
  return metrics[metric];
}

function isBetter(mode: 'max' | 'min', value: number, best: number | undefined): boolean {
  if (!Number.isFinite(value)) return false;
  return best === undefined || (mode === 'max' ? value > best : value < best);
}

function checkFinite({ epoch, step }: RunPosition, weights: Parameters<typeof findNonFinite>[0]): void {
  const name = findNonFinite(weights);
  if (name === undefined) return;
  throw new NonFiniteError(
    `train: after epoch ${epoch}, step ${step}, the weight '${name}' holds NaN or infinity; no checkpoint was written, ` +
      'the one before stays. Try a smaller learning rate, clipNorm or a warmup',
    epoch,
    step,
  );
}

/** Checks what later code trusts; returns the number of samples. */
function check<K extends string, M extends string>(options: TrainOptions<K, M>): number {
  const { epochs, seed, batchSize, best, evaluate, secondsBetweenCheckpoints = 0 } = options;
  checkBatchSize(batchSize, 'train');
  if (!Number.isInteger(epochs) || epochs < 1)
    throw new Error(`train: epochs must be an integer of at least 1, got ${epochs}`);
  if (!Number.isSafeInteger(seed)) throw new Error(`train: seed must be an integer, got ${seed}`);
  if (!(secondsBetweenCheckpoints >= 0)) {
    throw new Error(`train: secondsBetweenCheckpoints must be at least 0, got ${secondsBetweenCheckpoints}`);
  }
  if (best !== undefined && evaluate === undefined) {
    throw new Error(`train: best.metric '${best.metric}' needs an evaluation to take it from; give evaluate`);
  }
  return countSamples(options.data, 'train');
}
