import { RandomStream } from '@primal-attention/runtime';
import type * as tf from '@tensorflow/tfjs';
import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { layerWeights } from '../layer.js';
import { CausalPrimalAttention } from '../mechanisms/causal-primal/layer.js';
import { DataIndependentPrimalAttention } from '../mechanisms/data-independent-primal/layer.js';
import type { PrimalLayer } from '../mechanisms/primal/base.js';
import { ksvdLoss, withLosses } from '../mechanisms/primal/ksvd-loss.js';
import { landmarkPositions } from '../mechanisms/primal/landmarks.js';
import { PrimalAttention } from '../mechanisms/primal/layer.js';
import { randomTensor } from '../testing/random-tensor.js';
import { cosineRows, positiveRandomRows, type RowFeatureMap } from './feature-maps.js';
import { ksvdPenalty, mergeScores } from './loss.js';
import { type KsvdProblem, objective } from './problem.js';
import { primalPointScores } from './solution.js';

/** float32 layers against the float64 theory, for numbers near 1. */
const rounding = 2e-5;

const [batch, length, rank, size] = [3, 7, 3, 5];
const common = { rank, name: 'attention', seed: 3 } as const;

/** Head by head and side by side; the three forms; both maps; with and without r. */
const layers: [string, () => PrimalLayer][] = [1, 2, 3].flatMap((heads) => {
  const of = { ...common, heads };
  return [
    [`primal, ${heads} heads`, () => new PrimalAttention({ ...of, landmarks: 4 })],
    [`primal without r, ${heads} heads`, () => new PrimalAttention({ ...of, landmarks: 9, scores: 'e' })],
    [
      `data-independent, a map for each side, ${heads} heads`,
      () =>
        new DataIndependentPrimalAttention({
          ...of,
          featureMap: { query: 'positive-random', key: 'cosine' },
        }),
    ],
    [
      `causal, positive random features, ${heads} heads`,
      () => new CausalPrimalAttention({ ...of, featureMap: 'positive-random' }),
    ],
  ] as [string, () => PrimalLayer][];
});

const matrix = async (tensor: tf.Tensor): Promise<Matrix> => {
  const columns = tensor.shape.at(-1) as number;
  return Matrix.from1DArray(tensor.size / columns, columns, [...(await tensor.data())]);
};

/** Rows from .. from + count. */
const rows = (of: Matrix, from: number, count: number): Matrix =>
  of.subMatrix(from, from + count - 1, 0, of.columns - 1);
const columns = (of: Matrix, from: number, count: number): Matrix =>
  of.subMatrix(0, of.rows - 1, from, from + count - 1);

/** The layer in float64, sample by sample and head by head, from the theory's functions. */
async function theory(
  layer: PrimalLayer,
  x: tf.Tensor,
): Promise<{ output: Matrix[]; objectives: number[][] }> {
  const weights = layerWeights(layer);
  const weight = (name: string): Promise<Matrix> => matrix(weights.get(name) as tf.Tensor);
  const bias = async (name: string): Promise<number[]> => (await weight(name)).to1DArray();
  const { heads, scores } = layer;
  const [we, wr, lambda] = await Promise.all(['we', 'wr', 'lambda'].map(weight));
  const count = we.rows / heads;
  const projection = weights.has('features') ? await weight('features') : undefined;
  const map = (side: 'query' | 'key'): RowFeatureMap =>
    layer.featureMap[side] === 'cosine'
      ? cosineRows
      : (z) => positiveRandomRows(projection as Matrix)(Matrix.mul(z, size ** -0.25));
  const linear = async (name: string, z: Matrix): Promise<Matrix> =>
    z.mmul(await weight(`${name}/kernel`)).addRowVector(await bias(`${name}/bias`));
  const all = await matrix(x);

  const output: Matrix[] = [];
  const objectives: number[][] = [];
  for (let b = 0; b < batch; b++) {
    const tokens = rows(all, b * length, length);
    let queries = await linear('query', tokens);
    let keys = await linear('key', tokens);
    if (layer instanceof CausalPrimalAttention) [queries, keys] = [prefixMeans(queries), prefixMeans(keys)];
    const merged = Matrix.zeros(length, heads * size);
    const perHead: number[] = [];
    for (let h = 0; h < heads; h++) {
      const problem: KsvdProblem = {
        queries: map('query')(columns(queries, h * size, size)),
        keys: map('key')(columns(keys, h * size, size)),
        ...(layer instanceof PrimalAttention && {
          landmarks: columns(tokens, h * size, size).subMatrixRow(
            [...landmarkPositions(length, layer.landmarks)],
            0,
            size - 1,
          ),
        }),
      };
      const head = {
        we: rows(we, h * count, count),
        wr: rows(wr, h * count, count),
        lambda: lambda.getRow(h),
      };
      const { e, r } = primalPointScores(problem, head, problem);
      const together = mergeScores(
        e,
        scores === 'both' ? r : undefined,
        await weight('combine/kernel'),
        await bias('combine/bias'),
      );
      merged.setSubMatrix(together, 0, h * size);
      perHead.push(objective(problem, head, { positions: 'mean', lambda: 'root' }).objective);
    }
    output.push(await linear('output', merged));
    objectives.push(perHead);
  }
  return { output, objectives };
}

/** The mean of each row and those before it. */
function prefixMeans(z: Matrix): Matrix {
  const sums = z.clone();
  for (let t = 1; t < z.rows; t++) sums.setRow(t, Matrix.add(sums.getRowVector(t), sums.getRowVector(t - 1)));
  for (let t = 0; t < z.rows; t++) sums.mulRow(t, 1 / (t + 1));
  return sums;
}

describe.each(layers)('%s', (_name, create) => {
  test('output and objective are those of the theory in float64', async () => {
    const layer = create();
    const x = randomTensor([batch, length, layer.heads * size], 4);
    const { output, losses } = withLosses(() => layer.apply(x) as tf.Tensor);
    const right = await theory(layer, x);
    const actual = await matrix(output);
    for (let b = 0; b < batch; b++) {
      const error = Matrix.abs(Matrix.sub(rows(actual, b * length, length), right.output[b])).max();
      expect(error).toBeLessThanOrEqual(rounding * Math.max(1, Matrix.abs(right.output[b]).max()));
    }
    for (const reduction of ['sample', 'batch'] as const) {
      const [value] = await ksvdLoss(losses, { reduction }).data();
      const penalty = ksvdPenalty([right.objectives], reduction);
      expect(Math.abs(value - penalty)).toBeLessThanOrEqual(rounding * Math.max(1, penalty));
    }
  });
});

test('the batch reduction is at most the one per sample, and equal for equal samples', () => {
  const stream = new RandomStream(5, 'penalty');
  const draw = (n: number): number[] => Array.from({ length: n }, () => stream.normal());
  for (let i = 0; i < 20; i++) {
    const layer = Array.from({ length: 4 }, () => draw(3));
    expect(ksvdPenalty([layer], 'batch')).toBeLessThanOrEqual(ksvdPenalty([layer], 'sample') + 1e-12);
    const same = [layer[0], layer[0]];
    expect(ksvdPenalty([same], 'batch')).toBeCloseTo(ksvdPenalty([same], 'sample'), 12);
  }
  // Heads of opposite signs cancel inside the square.
  expect(ksvdPenalty([[[1, -1]]], 'sample')).toBe(0);
  expect(ksvdPenalty([], 'sample')).toBe(0);
  expect(() => ksvdPenalty([], 'sum' as never)).toThrow(/reduction must be one of 'sample', 'batch'/);
});

test('scores that do not fit the kernel are refused', () => {
  expect(() => mergeScores(Matrix.zeros(2, 3), undefined, Matrix.zeros(6, 5), [0, 0, 0, 0, 0])).toThrow(
    /3 scores need a kernel \[3, p\], got \[6,5\]/,
  );
});
