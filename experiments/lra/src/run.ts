import { join } from 'node:path';
import { startEngine } from '@primal-attention/engines';
import type { CommonSummary, Experiment } from '@primal-attention/experiment';
import { namedWeights } from '@primal-attention/models';
import { randomKey } from '@primal-attention/runtime';
import {
  AdamW,
  autoProgress,
  BatchStream,
  createEvaluator,
  type Evaluator,
  loadCheckpoint,
  oneCycle,
  readJsonLines,
  train,
} from '@primal-attention/training';
import { parseConfig, type RunConfig } from './config.js';
import { loadTask, missingData, type TaskData } from './data.js';
import { KernelNotes, kernelRefusal } from './kernels.js';
import { buildModel, evaluationMetrics, type LraBatch, productsOf, trainingLoss } from './model.js';
import type { RunSummary, TestAccuracy } from './summary.js';

/** Longest time between two checkpoints; what is lost when a run is killed. */
const secondsBetweenCheckpoints = 60;

/** A run of this experiment, for `makeRun`. @param load gives the samples; default: {@link loadTask}, which finds or generates them */
export function lraExperiment(
  load: (config: RunConfig) => Promise<TaskData> = loadTask,
): Experiment<RunConfig, RunSummary> {
  return {
    parseConfig,
    startEngine,
    missingData,
    refusal: kernelRefusal,
    train: async (config, place) => trainRun(config, await load(config), place),
    headline: ({ accuracy: { published, lastCheckpoint } }) =>
      `test accuracy ${percent(published.accuracy)} (best on dev, step ${published.step}, whole batches), ` +
      `${percent(lastCheckpoint.accuracy)} (last checkpoint, whole test set)`,
  };
}

async function trainRun(
  config: RunConfig,
  data: TaskData,
  { directory, stop }: { readonly directory: string; readonly stop: AbortSignal },
): Promise<Omit<RunSummary, keyof CommonSummary<RunConfig>>> {
  const kernels = config.kernels === undefined ? undefined : new KernelNotes(directory);
  const model = buildModel(config);
  const variables = namedWeights(model);
  const evaluationKey = randomKey(config.seed);
  const evaluator = createEvaluator((batch: LraBatch) =>
    evaluationMetrics(model, config, batch, evaluationKey),
  );
  const result = await train({
    variables,
    optimizer: new AdamW({
      learningRate: config.learningRate,
      epsilon: config.epsilon,
      weightDecay: config.weightDecay,
    }),
    schedule: oneCycle({
      maxLearningRate: config.learningRate,
      totalSteps: config.steps,
      warmupSteps: config.warmupSteps,
    }),
    loss: (batch: LraBatch) => trainingLoss(model, config, batch),
    precision: productsOf(config),
    data: data.train,
    batchSize: config.batchSize,
    steps: { total: config.steps, every: config.evaluateEvery },
    seed: config.seed,
    evaluate: developmentEvaluation(config, data, evaluator, stop),
    best: { metric: 'accuracy', mode: 'max' },
    directory,
    config: { ...config },
    secondsBetweenCheckpoints,
    stop,
    progress: kernels?.beside(autoProgress()) ?? autoProgress(),
  });

  const test = new TestSet(config, data.test, evaluator, stop);
  const further = data.further && new TestSet(config, data.further, evaluator, stop);
  await loadCheckpoint(join(directory, 'last.safetensors'), { variables });
  const lastCheckpoint = await test.whole(result.step);
  const furtherLast = await further?.whole(result.step);
  await loadCheckpoint(join(directory, 'best.safetensors'), { variables });
  const { value: best, step } = result.best!;
  const published = await test.wholeBatches(step);
  const furtherBest = await further?.whole(step);
  const [training, evaluation] = (['train', 'evaluation'] as const).map((kind) => secondsOf(directory, kind));
  return {
    parameters: model.countParams(),
    ...(kernels && { kernels: kernels.sessions() }),
    samples: { train: samplesOf(data.train), dev: samplesOf(data.dev), test: samplesOf(data.test) },
    accuracy: {
      ...{ dev: { best, step }, published, lastCheckpoint },
      ...(furtherBest && furtherLast && { further: { published: furtherBest, lastCheckpoint: furtherLast } }),
    },
    seconds: { training, evaluation },
  };
}

/** Each evaluation takes the next batches of an endless shuffled development set, as the official code does. */
function developmentEvaluation(
  { batchSize, seed, evaluateEvery, evaluationBatches }: RunConfig,
  { dev }: TaskData,
  evaluator: Evaluator<string>,
  stop: AbortSignal | undefined,
): (epoch: number, step: number) => Promise<Record<string, number>> {
  const stream = new BatchStream({
    ...{ samples: samplesOf(dev), batchSize, seed },
    ...{ name: 'dev', remainder: 'carry' },
  });
  return async (_, step) => {
    const end = (step / evaluateEvery) * evaluationBatches;
    const { accuracy, crossEntropy } = await evaluator(dev, stream.range(end - evaluationBatches, end), stop);
    return { accuracy: wholeShare(accuracy, evaluationBatches * batchSize), crossEntropy };
  };
}

/** The two ways to go through a test set. */
class TestSet {
  readonly #config: RunConfig;
  readonly #samples: TaskData['test'];
  readonly #evaluator: Evaluator<string>;
  readonly #stop: AbortSignal | undefined;

  constructor(
    config: RunConfig,
    samples: TaskData['test'],
    evaluator: Evaluator<string>,
    stop: AbortSignal | undefined,
  ) {
    this.#config = config;
    this.#samples = samples;
    this.#evaluator = evaluator;
    this.#stop = stop;
  }

  /** Every sample once. */
  whole(step: number): Promise<TestAccuracy> {
    return this.#accuracy(this.#config.batchSize, samplesOf(this.#samples), step);
  }

  /** Whole batches in random order; the samples that are left at the end are dropped, as in the official code. */
  wholeBatches(step: number): Promise<TestAccuracy> {
    const { batchSize, seed } = this.#config;
    const samples = samplesOf(this.#samples);
    const batches = Math.floor(samples / batchSize);
    const stream = new BatchStream({ samples, batchSize, seed, name: 'test', remainder: 'drop' });
    return this.#accuracy(stream.range(0, batches), batches * batchSize, step);
  }

  async #accuracy(
    batches: number | Iterable<Int32Array>,
    samples: number,
    step: number,
  ): Promise<TestAccuracy> {
    const { accuracy } = await this.#evaluator(this.#samples, batches, this.#stop);
    return { accuracy: wholeShare(accuracy, samples), samples, step };
  }
}

/** A share of whole samples, so that equal accuracies are equal numbers however the batches' means were rounded. */
function wholeShare(accuracy: number, samples: number): number {
  return Math.round(accuracy * samples) / samples;
}

function samplesOf(columns: TaskData['train']): number {
  return columns.labels.shape[0];
}

function secondsOf(directory: string, kind: 'train' | 'evaluation'): number {
  const lines = readJsonLines(join(directory, 'timing.jsonl')) as { kind: string; seconds: number }[];
  const sum = lines.reduce((total, line) => (line.kind === kind ? total + line.seconds : total), 0);
  return Number(sum.toFixed(1));
}

function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`;
}
