import { basename, join, resolve } from 'node:path';
import type { PrimalAttention, SoftmaxAttention } from '@primal-attention/attention';
import { loadUea, type PreparedSplit, preprocess } from '@primal-attention/datasets';
import { startEngine } from '@primal-attention/engines';
import {
  claimRunPlace,
  finishedSummary,
  provenance,
  readableJson,
  writeWhole,
} from '@primal-attention/experiment';
import { attentionLayers, namedWeights } from '@primal-attention/models';
import {
  AdamW,
  autoProgress,
  type Columns,
  configHash,
  createEvaluator,
  loadCheckpoint,
  type MomentOptimizer,
  RAdam,
  readJsonLines,
  type TrainResult,
  train,
} from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';
import { type RunConfig, readConfig } from './config.js';
import { buildModel, evaluationMetrics, trainingLoss, type UeaBatch } from './model.js';
import { layerSpectra } from './spectra.js';
import type { RunSummary } from './summary.js';

/** Test samples whose attention matrices make the spectra: enough for a smooth mean, seconds to compute. */
const spectrumCases = 32;

const evaluationBatch = 64;

/** Checkpoints of a run this small are due each few seconds, not each epoch: they are as large as many epochs are long. */
const secondsBetweenCheckpoints = 10;

/**
 * Trains the run that `folder`/config.json describes, into `folder`/run.
 *
 * A finished run with the same config is kept, whatever has changed in the code since: its summary names the commit. A
 * run of another config is moved aside, never overwritten. A run that was killed goes on from its last checkpoint.
 */
export async function runExperiment(folder: string): Promise<RunSummary> {
  const config = readConfig(join(folder, 'config.json'));
  const directory = join(folder, 'run');
  const hash = configHash(config);
  claimRunPlace(directory, hash);
  const finished = finishedSummary<RunSummary>(directory, hash);
  if (finished !== undefined) {
    console.log(`${finished.id}: finished before, with commit ${finished.provenance.commit}; nothing to do`);
    return finished;
  }

  await startEngine();
  // Before training: what counts is the code that was loaded.
  const origin = provenance();
  const sets = await loadUea(config.dataset);
  const data = preprocess(sets.train, sets.test);
  const model = buildModel(config, data);
  const variables = namedWeights(model);
  const evaluator = createEvaluator((batch: UeaBatch) => evaluationMetrics(model, batch));
  const test = columns(data.test);
  const result = await train({
    variables,
    optimizer: optimizerOf(config),
    loss: (batch: UeaBatch) => trainingLoss(model, config.primal?.eta ?? 0, batch),
    clipNorm: config.clipNorm,
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
  });

  await loadCheckpoint(join(directory, 'best.safetensors'), { variables });
  const some = firstCases(data.test, data.length, data.dimensions, spectrumCases);
  const spectra = layerSpectra(
    attentionLayers(model) as (PrimalAttention | SoftmaxAttention)[],
    () => model.apply(some, { training: false }) as tf.Tensor,
  );
  const summary: RunSummary = {
    id: basename(resolve(folder)),
    config,
    configHash: hash,
    parameters: model.countParams(),
    trainCases: data.train.cases,
    testCases: data.test.cases,
    truncatedTestCases: data.test.truncated,
    accuracy: accuracies(result),
    seconds: Number(trainingSeconds(directory).toFixed(1)),
    spectra,
    spectrumCases,
    provenance: origin,
  };
  writeWhole(join(directory, 'summary.json'), readableJson(summary));
  const { best, bestEpoch, last } = summary.accuracy;
  console.log(
    `${summary.id}: test accuracy ${(100 * best).toFixed(2)} % (best, epoch ${bestEpoch}), ${(100 * last).toFixed(2)} % (last)`,
  );
  return summary;
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

function firstCases(split: PreparedSplit, length: number, dimensions: number, count: number): tf.Tensor[] {
  const cases = Math.min(count, split.cases);
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
