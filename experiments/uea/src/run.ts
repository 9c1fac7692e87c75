import { join } from 'node:path';
import type { PrimalAttention, SoftmaxAttention } from '@primal-attention/attention';
import { dataFolder, loadUea, type PreparedSplit, preprocess, sourceOf } from '@primal-attention/datasets';
import { startEngine } from '@primal-attention/engines';
import type { CommonSummary, Experiment } from '@primal-attention/experiment';
import { attentionLayers, namedWeights } from '@primal-attention/models';
import { withMatmulPrecision } from '@primal-attention/runtime';
import {
  AdamW,
  autoProgress,
  type Columns,
  createEvaluator,
  loadCheckpoint,
  type MomentOptimizer,
  RAdam,
  readJsonLines,
  type TrainResult,
  train,
} from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';
import { parseConfig, type RunConfig } from './config.js';
import { buildModel, evaluationMetrics, trainingLoss, type UeaBatch } from './model.js';
import { layerSpectra } from './spectra.js';
import type { RunSummary } from './summary.js';

/** Test samples whose attention matrices make the spectra: enough for a smooth mean. */
const mostSpectrumCases = 32;

/**
 * The singular values of matrices of N x N take a time of N^3, in JavaScript: this many for all samples is about a minute. Long series
 * have spectra of fewer samples, and those of more than some 480 steps have none.
 */
const spectrumWork = 1.2e8;

const evaluationBatch = 64;

/** Checkpoints of a run this small are due each few seconds, not each epoch: they are as large as many epochs are long. */
const secondsBetweenCheckpoints = 10;

/** A run of this experiment, for `makeRun`. */
export const ueaExperiment: Experiment<RunConfig, RunSummary> = {
  parseConfig,
  startEngine,
  missingData: async ({ dataset }) => ({
    dataset,
    missing: (await sourceOf(dataset).find(dataFolder())).missing,
  }),
  train: trainRun,
  headline: ({ accuracy: { best, bestEpoch, last } }) =>
    `test accuracy ${(100 * best).toFixed(2)} % (best, epoch ${bestEpoch}), ${(100 * last).toFixed(2)} % (last)`,
};

async function trainRun(
  config: RunConfig,
  { directory, stop }: { readonly directory: string; readonly stop: AbortSignal },
): Promise<Omit<RunSummary, keyof CommonSummary<RunConfig>>> {
  const sets = await loadUea(config.dataset);
  const data = preprocess(sets.train, sets.test);
  const model = buildModel(config, data);
  const variables = namedWeights(model);
  const { precision } = config;
  const inPrecision = <T>(compute: () => T): T =>
    precision === undefined ? compute() : withMatmulPrecision(precision, compute);
  const evaluator = createEvaluator((batch: UeaBatch) => inPrecision(() => evaluationMetrics(model, batch)));
  const test = columns(data.test);
  const result = await train({
    variables,
    optimizer: optimizerOf(config),
    loss: (batch: UeaBatch) => trainingLoss(model, config.primal?.eta ?? 0, batch),
    clipNorm: config.clipNorm,
    precision,
    data: columns(data.train),
    batchSize: config.batchSize,
    epochs: config.epochs,
    seed: config.seed,
    evaluate: async () => {
      const { accuracy, crossEntropy } = await evaluator(test, evaluationBatch);
      // A share of whole samples, so that equal accuracies are equal numbers however the batches' means were rounded.
      return { accuracy: Math.round(accuracy * data.test.cases) / data.test.cases, crossEntropy };
    },
    best: { metric: 'accuracy', mode: 'max' },
    directory,
    config: { ...config },
    secondsBetweenCheckpoints,
    progress: autoProgress(),
    stop,
  });

  await loadCheckpoint(join(directory, 'best.safetensors'), { variables });
  const spectrumCases = Math.min(
    mostSpectrumCases,
    Math.floor(spectrumWork / data.length ** 3),
    data.test.cases,
  );
  const some = firstCases(data.test, data.length, data.dimensions, spectrumCases);
  const spectra =
    spectrumCases === 0
      ? []
      : layerSpectra(attentionLayers(model) as (PrimalAttention | SoftmaxAttention)[], () =>
          inPrecision(() => model.apply(some, { training: false }) as tf.Tensor),
        );
  return {
    parameters: model.countParams(),
    trainCases: data.train.cases,
    testCases: data.test.cases,
    truncatedTestCases: data.test.truncated,
    accuracy: accuracies(result),
    seconds: Number(trainingSeconds(directory).toFixed(1)),
    spectra,
    spectrumCases,
  };
}

function optimizerOf({ optimizer, learningRate }: RunConfig): MomentOptimizer {
  // Adam is AdamW without decay.
  return optimizer === 'RAdam'
    ? new RAdam({ learningRate })
    : new AdamW({ learningRate, weightDecay: 0, epsilon: 1e-8 });
}

function columns({ x, mask, y, cases }: PreparedSplit): Columns<'x' | 'mask' | 'y'> {
  const length = mask.length / cases;
  return {
    x: { data: x, shape: [cases, length, x.length / mask.length] },
    mask: { data: mask, shape: [cases, length] },
    y: { data: y, shape: [cases] },
  };
}

function firstCases(split: PreparedSplit, length: number, dimensions: number, cases: number): tf.Tensor[] {
  return [
    tf.tensor(split.x.slice(0, cases * length * dimensions), [cases, length, dimensions]),
    tf.tensor(split.mask.slice(0, cases * length), [cases, length]),
  ];
}

function accuracies(result: TrainResult): RunSummary['accuracy'] {
  const evaluations = result.history.filter(({ kind }) => kind === 'evaluation');
  return {
    best: result.best!.value,
    bestEpoch: result.best!.epoch,
    last: evaluations.at(-1)!.metrics.accuracy!,
  };
}

function trainingSeconds(directory: string): number {
  const lines = readJsonLines(join(directory, 'timing.jsonl')) as { seconds: number }[];
  return lines.reduce((sum, { seconds }) => sum + seconds, 0);
}
