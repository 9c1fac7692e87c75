import {
  foldIn,
  jit,
  type MatmulPrecision,
  matmulPrecisions,
  randomKey,
  withMatmulPrecision,
} from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { BatchStream, type Remainder } from './batch-stream.js';
import { type Column, type ColumnBatch, type Columns, countSamples } from './batches.js';
import { RunClock } from './clock.js';
import { checkBatchSize, packScalars } from './evaluate.js';
import { WeightedMeans } from './means.js';
import type { MomentOptimizer, NamedVariables } from './optimizers/moment-optimizer.js';
import { autoProgress } from './progress/auto.js';
import type { ProgressSink } from './progress/sink.js';
import { findNonFinite, readTensors } from './run/checkpoint.js';
import { configHash } from './run/config-hash.js';
import { type LogPosition, type MetricsLine, MetricsLog } from './run/metrics-log.js';
import { type BestEvaluation, type Checkpoint, RunFolder, type RunPosition } from './run/run-folder.js';
import type { Schedule } from './schedule.js';
import { NonFiniteError, runStretch } from './stretch.js';
import { type LossAndMetrics, stepFunction } from './train-step.js';

/** A training that is counted in steps. */
export interface StepsOptions {
  readonly total: number;
  /** Steps between two lines of the log, each with an evaluation where there is one; it divides `total`. */
  readonly every: number;
  /** What becomes of an epoch's samples that make no whole batch. Default `carry`: the next epoch fills it. */
  readonly remainder?: Remainder;
}

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
  /** How matrix products of the step, gradients included, are computed. Default: the device's own way. */
  readonly precision?: MatmulPrecision;
  /** The training data. */
  readonly data: Columns<K>;
  /** Samples per step; the last batch of an epoch may be smaller where the run is counted in epochs. */
  readonly batchSize: number;
  /** How long to train: give this, or `steps`. */
  readonly epochs?: number;
  readonly steps?: StepsOptions;
  /** Fixes the order of the samples and the random numbers of each step. Initial weights are the caller's. */
  readonly seed: number;
  /** Measures the model after so many epochs and steps (0: before training), for instance with `createEvaluator`. */
  readonly evaluate?: (epoch: number, step: number) => Promise<Readonly<Record<string, number>>>;
  /** The epochs with an evaluation. Default {@link paperEvaluations}. A run by `steps` has one at each of its lines. */
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
  /**
   * Checkpoints are this far apart, also within an epoch, but for the best and the last one. Default 0: after each epoch
   * (or line of the log), and nowhere else.
   */
  readonly secondsBetweenCheckpoints?: number;
  /** Ends the run early when it is aborted: a checkpoint is written, and {@link StoppedError} thrown. */
  readonly stop?: AbortSignal;
  /** Default {@link autoProgress}. */
  readonly progress?: ProgressSink;
  /** What to do when the loss or a weight is NaN or infinite. Default 'stop', with a {@link NonFiniteError}. */
  readonly onNonFinite?: 'stop' | 'continue';
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

/** The paper's evaluations of UEA: before training, after the first, each second, and the last epoch. */
export function paperEvaluations(epoch: number, epochs: number): boolean {
  return epoch <= 1 || epoch % 2 === 0 || epoch === epochs;
}

/**
 * Trains a model on data in memory, in a new random order in each epoch, for so many epochs or for so many steps.
 *
 * Everything follows from the seed, the state of model and optimizer at the start, and the number of the step;
 * nothing from what ran before in this process. So a run in a folder that was killed at any moment and is started again with the same
 * arguments ends, where the backend is deterministic, with the same weights and the same metrics.jsonl, byte for byte.
 * A finished run is not repeated but skipped; a folder with another configuration's run, or in which another process trains at
 * this moment, is an error.
 *
 * @throws NonFiniteError naming epoch and step; the last good checkpoint is left
 * @throws RunInUseError where another process trains in the folder
 * @throws StoppedError where `stop` was aborted before the end
 */
export async function train<K extends string, M extends string = never>(
  options: TrainOptions<K, M>,
): Promise<TrainResult> {
  const plan = planOf(options);
  const { directory } = options;
  const progress = options.progress ?? autoProgress();
  const config = describeRun(options, plan);
  const hash = configHash(config);
  const folder = directory === undefined ? undefined : new RunFolder(directory, hash);
  const finished = folder?.finished();
  if (finished !== undefined) {
    progress.message(`${directory} holds this run already: nothing to do`);
    progress.close();
    const { epoch, step, best } = finished;
    return { epoch, step, best, configHash: hash, history: folder!.history(), skipped: true };
  }
  const release = folder?.claim();
  try {
    return await runPlan(options, { plan, progress, config, hash, folder });
  } finally {
    release?.();
  }
}

/** A run that has not finished: from its start or its last checkpoint to its end. */
async function runPlan<K extends string, M extends string>(
  options: TrainOptions<K, M>,
  run: {
    readonly plan: Plan;
    readonly progress: ProgressSink;
    readonly config: unknown;
    readonly hash: string;
    readonly folder: RunFolder | undefined;
  },
): Promise<TrainResult> {
  const { plan, progress, config, hash, folder } = run;
  const { variables, optimizer, schedule, data, stop } = options;
  const { evaluate, onNonFinite = 'stop', secondsBetweenCheckpoints = 0 } = options;
  const { stream, totalSteps, every } = plan;
  optimizer.build(variables);
  const resumed = await folder?.resume(variables, optimizer);
  let position: RunPosition = resumed?.position ?? { epoch: 0, step: 0 };
  /** The training since the last line of the log. */
  let means = new WeightedMeans(resumed?.open?.means);
  let seconds = resumed?.open?.seconds ?? 0;
  const log = new MetricsLog(folder?.logPaths, resumed?.logs);
  const program = compileStep(options, position.step);
  const clock = new RunClock(position.step);
  const firstStep = position.step;
  let lastSave = resumed === undefined ? Number.NEGATIVE_INFINITY : performance.now();

  const checkpointDue = (): boolean => performance.now() - lastSave >= 1000 * secondsBetweenCheckpoints;
  const save = async (logs: LogPosition, improved = false): Promise<void> => {
    if (folder === undefined) return;
    const [weights, state] = await Promise.all([readTensors(variables), readTensors(optimizer.state())]);
    if (onNonFinite === 'stop') checkFinite(position, weights);
    const open = means.isEmpty ? undefined : { means: means.state(), seconds };
    const checkpoint: Checkpoint = { position, logs, open };
    await folder.saveLast(checkpoint, weights, state);
    if (improved) await folder.saveBest(checkpoint, weights);
    lastSave = performance.now();
  };
  /** Keeps what there is, and ends the run. */
  const leave = async (logs: LogPosition): Promise<never> => {
    // Before the first checkpoint there is nothing to keep.
    const kept = folder !== undefined && position.step > 0;
    log.flush();
    if (kept) await save(logs);
    const how = kept ? 'started again it goes on from there' : 'nothing was kept';
    throw new StoppedError(
      `train: stopped after step ${position.step} of ${totalSteps}; ${how}`,
      position.step,
    );
  };
  const show = (step: number): void => {
    const { loss, accuracy } = means.get();
    const epoch = plan.epochOf(step);
    const { totalEpochs } = plan;
    progress.update({
      step,
      totalSteps,
      epoch,
      totalEpochs,
      loss,
      accuracy,
      ...clock.rate(step, totalSteps),
    });
  };

  /** What comes before the first step and after each stretch: lines in the log, evaluation, checkpoint. */
  const conclude = async (): Promise<void> => {
    const { epoch, step } = position;
    const logsBefore = log.position;
    if (!means.isEmpty) log.append({ kind: 'train', epoch, step, metrics: means.get() }, seconds);
    let improved = false;
    if (evaluate !== undefined && plan.evaluates(step)) {
      const begin = performance.now();
      let metrics: Record<string, number>;
      try {
        metrics = { ...(await evaluate(epoch, step)) };
      } catch (error) {
        if (stop?.aborted) await leave(logsBefore);
        throw error;
      }
      log.append({ kind: 'evaluation', epoch, step, metrics }, (performance.now() - begin) / 1000);
      const value = options.best === undefined ? undefined : bestValue(options.best.metric, metrics);
      if (value !== undefined && isBetter(options.best!.mode, value, position.best?.value)) {
        position = { epoch, step, best: { epoch, step, value, metrics: log.history.at(-1)!.metrics } };
        improved = true;
        if (step > 0)
          progress.message(`${plan.name(position)}: best ${options.best!.metric} ${value.toPrecision(5)}`);
      }
    }
    means = new WeightedMeans();
    seconds = 0;
    if (checkpointDue() || improved || step === totalSteps) await save(log.flush(), improved);
  };

  try {
    if (resumed === undefined) {
      await conclude();
    } else {
      progress.message(`resuming after ${plan.name(position)} of ${plan.length}`);
      if (await folder!.lacksBest(position)) await folder!.saveBest(resumed, await readTensors(variables));
    }
    let measuring = false;
    while (position.step < totalSteps || !means.isEmpty) {
      if (stop?.aborted) await leave(log.position);
      const from = position.step;
      const to = means.isEmpty ? from + every : Math.ceil(from / every) * every;
      if (from < to) {
        const begin = performance.now();
        const step = await runStretch({
          ...{ data, stream, from, to, means },
          beforeStep: (next) => {
            if (!measuring && next > firstStep) {
              clock.start(next);
              measuring = true;
            }
            if (schedule !== undefined) applyRates(schedule, next, optimizer);
          },
          step: program.run,
          names: program.names,
          stopAtNonFinite: onNonFinite === 'stop',
          pause: () =>
            stop?.aborted === true ||
            (secondsBetweenCheckpoints > 0 && folder !== undefined && checkpointDue()),
          onProgress: show,
        });
        seconds += (performance.now() - begin) / 1000;
        position = { ...position, epoch: stream.epochsAfter(step), step };
        if (step < to) {
          if (!stop?.aborted) await clock.pause(() => save(log.flush()));
          continue;
        }
      }
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

/** How a run goes through its data: what differs between runs by epochs and by steps. */
interface Plan {
  readonly stream: BatchStream;
  readonly totalSteps: number;
  readonly totalEpochs: number;
  /** Steps between two lines of the log. */
  readonly every: number;
  /** The epoch that completed step `step` belongs to, from 1. */
  readonly epochOf: (step: number) => number;
  readonly evaluates: (step: number) => boolean;
  /** For messages: `epoch 3` or `step 500`, and what it is `of`. */
  readonly name: (position: RunPosition) => string;
  readonly length: number;
  /** Its part in the description of the run. */
  readonly description: Readonly<Record<string, unknown>>;
}

/** Checks what later code trusts. */
function planOf<K extends string, M extends string>(options: TrainOptions<K, M>): Plan {
  const {
    epochs,
    steps,
    seed,
    batchSize,
    best,
    evaluate,
    evaluateAt,
    secondsBetweenCheckpoints = 0,
  } = options;
  const whole = (name: string, value: number): void => {
    if (Number.isInteger(value) && value >= 1) return;
    throw new Error(`train: ${name} must be an integer of at least 1, got ${value}`);
  };
  // TypeScript lets no other pass; programs without types, and casts, do.
  const { optimizer } = options as { optimizer?: Partial<MomentOptimizer> };
  if (typeof optimizer?.loadState !== 'function') {
    throw new Error(
      'train: optimizer must be one whose state can be saved (RAdam, AdamW, or another MomentOptimizer), got ' +
        `${optimizer?.getClassName?.() ?? String(optimizer)}; those of tf.train work in createTrainStep`,
    );
  }
  checkBatchSize(batchSize, 'train');
  if (!Number.isSafeInteger(seed)) throw new Error(`train: seed must be an integer, got ${seed}`);
  if (!(secondsBetweenCheckpoints >= 0)) {
    throw new Error(`train: secondsBetweenCheckpoints must be at least 0, got ${secondsBetweenCheckpoints}`);
  }
  if (best !== undefined && evaluate === undefined) {
    throw new Error(`train: best.metric '${best.metric}' needs an evaluation to take it from; give evaluate`);
  }
  if (options.precision !== undefined && !matmulPrecisions.includes(options.precision)) {
    throw new Error(
      `train: precision must be one of ${matmulPrecisions.join(', ')}, got '${options.precision}'`,
    );
  }
  const samples = countSamples(options.data, 'train');
  if ((epochs === undefined) === (steps === undefined)) {
    throw new Error(
      `train: give either epochs or steps, got epochs ${epochs} and steps ${JSON.stringify(steps)}`,
    );
  }
  if (epochs !== undefined) {
    whole('epochs', epochs);
    const stream = new BatchStream({ samples, batchSize, seed });
    const every = Math.ceil(samples / batchSize);
    const evaluateEpoch = evaluateAt ?? paperEvaluations;
    const evaluates = (epoch: number): boolean => evaluateEpoch(epoch, epochs);
    return {
      ...{ stream, every, totalSteps: epochs * every, totalEpochs: epochs, length: epochs },
      epochOf: (step) => Math.ceil(step / every),
      evaluates: (step) => evaluates(step / every),
      name: ({ epoch }) => `epoch ${epoch}`,
      description: {
        epochs,
        evaluations: evaluate && Array.from({ length: epochs + 1 }, (_, epoch) => epoch).filter(evaluates),
      },
    };
  }
  const { total, every, remainder = 'carry' } = steps!;
  whole('steps.total', total);
  whole('steps.every', every);
  if (total % every !== 0) {
    throw new Error(`train: steps.every must divide steps.total, got ${every} and ${total}`);
  }
  if (evaluateAt !== undefined) {
    throw new Error('train: evaluateAt goes with epochs; a run by steps is evaluated each steps.every steps');
  }
  const stream = new BatchStream({ samples, batchSize, seed, remainder });
  return {
    ...{ stream, every, totalSteps: total, totalEpochs: stream.epochsAfter(total - 1) + 1, length: total },
    epochOf: (step) => stream.epochsAfter(Math.max(step - 1, 0)) + 1,
    evaluates: (step) => step > 0,
    name: ({ step }) => `step ${step}`,
    description: { steps: { total, every, remainder }, evaluated: evaluate !== undefined },
  };
}

/** The compiled step of a run: it counts itself, and draws its random key from seed and count. */
function compileStep<K extends string, M extends string>(
  options: TrainOptions<K, M>,
  firstStep: number,
): { run: (batch: ColumnBatch<K>) => tf.Tensor; names: () => readonly string[]; dispose: () => void } {
  const { precision } = options;
  const step = stepFunction<ColumnBatch<K>, M>(options, 'train');
  const runKey = randomKey(options.seed);
  const counter = tf.tidy(() => tf.variable(tf.scalar(firstStep, 'int32'), false));
  let names: readonly string[] = [];
  const program = jit(
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
  return {
    run: precision === undefined ? program : (batch) => withMatmulPrecision(precision, () => program(batch)),
    names: () => names,
    dispose: () => tf.dispose([runKey, counter]),
  };
}

function applyRates(schedule: Schedule, step: number, optimizer: MomentOptimizer): void {
  const { learningRate, beta1 } = schedule(step);
  optimizer.learningRate = learningRate;
  if (beta1 !== undefined) optimizer.beta1 = beta1;
}

/** What decides the outcome of a run, apart from code, data and initial weights: what its hash is made of. */
function describeRun<K extends string, M extends string>(
  options: TrainOptions<K, M>,
  { totalSteps, description }: Plan,
): Record<string, unknown> {
  const { optimizer, schedule, seed, batchSize, clipNorm, precision, best } = options;
  const settings: Record<string, unknown> = { name: optimizer.getClassName(), ...optimizer.getConfig() };
  const rates =
    schedule === undefined ? undefined : Array.from({ length: totalSteps }, (_, step) => schedule(step));
  // What the schedule sets is not the optimizer's own.
  for (const name of Object.keys(rates?.[0] ?? {})) delete settings[name];
  return {
    ...{ config: options.config ?? null, seed, batchSize, clipNorm, precision, best, optimizer: settings },
    rates: rates === undefined ? undefined : configHash(rates.map((rate) => ({ ...rate }))),
    ...description,
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
