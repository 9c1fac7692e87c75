import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { RandomStream } from '@primal-attention/runtime';
import type { RunConfig } from '../config.js';
import type { TaskData } from '../data.js';

/** Settings that make a run of any task take seconds. */
const small = {
  ...{ model: 'Primal.+Trans.', layers: ['softmax', 'primal'], eta: 0.1 },
  mechanisms: { softmax: { maskMode: 'additive' }, primal: { rank: 2, rankMultiplier: 4, trace: 'weights' } },
  ...{ modelSize: 8, heads: 2, feedForward: 8, dropout: 0.1 },
  ...{ learningRate: 0.001, epsilon: 1e-6, weightDecay: 0, warmupSteps: 4 },
  ...{ steps: 12, batchSize: 4, microBatches: 2, evaluateEvery: 4, evaluationBatches: 3 },
  ...{ precision: 'float32', seed: 1 },
} as const;

/** A small config of each task. */
export function smallConfig(task: RunConfig['task'], change: object = {}): RunConfig {
  const sizes = { train: 22, dev: 9, test: 10 };
  const data = {
    ListOps: {
      ...{
        source: 'generated',
        seed: 3,
        closing: 'kept',
        further: { seed: 4, samples: 7 },
        sizes,
        maxTokens: 30,
        rowLength: 32,
      },
      settings: { maxDepth: 4, maxArgs: 3, lengthAbove: 3, lengthBelow: 30, branching: 0.5 },
    },
    Text: { dev: 'test', maxBytes: 14, rowLength: 16, sizes: 'any' },
    Retrieval: { maxBytes: 14, rowLength: 16, sizes: 'any' },
    Image: { dev: 9 },
    Pathfinder: { source: 'generated', seed: 3, level: 'hard', sizes },
  }[task];
  return { task, data, ...small, ...change } as RunConfig;
}

/** Writes reviews and pairs of papers as their loaders expect them below a data folder. */
export function writeRawData(folder: string): void {
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  };
  for (const split of ['train', 'test']) {
    for (let i = 0; i < 6; i++) {
      write(`lra/text_imdb/aclImdb/${split}/pos/${i}_9.txt`, `good film ${split} ${i}`);
      write(`lra/text_imdb/aclImdb/${split}/neg/${i}_2.txt`, `bad film ${split} ${i}`);
    }
  }
  for (const split of ['train', 'eval', 'test']) {
    const lines = Array.from(
      { length: 11 },
      (_, i) => `${i % 2}.0\t${i}\t${i + 1}\tpaper ${i}\tpaper ${i + 1}\n`,
    );
    write(`lra/retrieval/new_aan_pairs.${split}.tsv`, lines.join(''));
  }
}

/** Random samples in the form of the Image set, which cannot be had in small. */
export async function randomImages(): Promise<TaskData> {
  const stream = new RandomStream(5, 'images');
  const split = (samples: number) => ({
    ids: {
      data: Uint8Array.from({ length: samples * 1024 }, () => stream.integer(256)),
      shape: [samples, 1024],
    },
    labels: { data: Uint8Array.from({ length: samples }, (_, i) => i % 10), shape: [samples] },
  });
  return { train: split(22), dev: split(9), test: split(10) };
}
