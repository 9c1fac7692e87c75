import { RandomStream } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import { layerWeights } from '../layer.js';
import { CausalPrimalAttention } from '../mechanisms/causal-primal/layer.js';
import { DataIndependentPrimalAttention } from '../mechanisms/data-independent-primal/layer.js';
import type { PrimalLayer } from '../mechanisms/primal/base.js';
import { ksvdLoss, withLosses } from '../mechanisms/primal/ksvd-loss.js';
import { PrimalAttention } from '../mechanisms/primal/layer.js';
import { type HostWeights, naivePrimal, rowsOf } from '../testing/naive-primal.js';
import { randomTensor } from '../testing/random-tensor.js';
import { ksvdPenalty, mergeScores } from './loss.js';

/** float32 layers against the float64 theory: values, and gradients that are sums of some hundred products, near 1. */
const rounding = 5e-5;

const [batch, length, size] = [3, 7, 5];
const mask = [
  [1, 1, 1, 1, 1, 0, 0],
  [0, 0, 0, 0, 0, 0, 0],
  [0, 1, 0, 1, 1, 1, 1],
];

/** Side by side (1 and 2 heads) and head by head (3); the three forms; all options, each in both ways of computing. */
const layers: [string, () => PrimalLayer][] = [2, 3].flatMap((heads) => {
  const of = { rank: 3, name: 'attention', seed: 3, heads };
  const each = { query: 'positive-random', key: 'cosine' } as const;
  return [
    [`primal, ${heads} heads`, () => new PrimalAttention({ ...of, landmarks: 4 })],
    [
      `primal, padding left out, ${heads} heads`,
      () =>
        new PrimalAttention({
          ...of,
          landmarks: 9,
          maskLandmarks: true,
          maskObjective: true,
          featureMap: 'positive-random',
        }),
    ],
    [
      `primal without r, ${heads} heads`,
      () => new PrimalAttention({ ...of, landmarks: 6, scores: 'e', maskOutput: false, featureMap: each }),
    ],
    [
      `data-independent, a map for each side, ${heads} heads`,
      () => new DataIndependentPrimalAttention({ ...of, featureMap: each, maskOutput: true }),
    ],
    [`causal, ${heads} heads`, () => new CausalPrimalAttention(of)],
    [
      `causal, padding left out, ${heads} heads`,
      () =>
        new CausalPrimalAttention({
          ...of,
          maskPrefix: true,
          maskObjective: true,
          featureMap: 'positive-random',
        }),
    ],
  ] as [string, () => PrimalLayer][];
});

async function matrix(tensor: tf.Tensor): Promise<Matrix> {
  const columns = tensor.shape.at(-1) as number;
  return Matrix.from1DArray(tensor.size / columns, columns, [...(await tensor.data())]);
}

function distance(a: Matrix, b: Matrix): number {
  return Matrix.abs(Matrix.sub(a, b)).max() / Math.max(1, Matrix.abs(b).max());
}

/** sum(output * w) + (J^2 averaged over the samples), in float64. */
function naiveLoss(layer: PrimalLayer, weights: HostWeights, x: Matrix, w: Matrix): number {
  let total = 0;
  for (let b = 0; b < batch; b++) {
    const { output, objective } = naivePrimal(layer, weights, rowsOf(x, b * length, length), mask[b]);
    total += Matrix.mul(output, rowsOf(w, b * length, length)).sum() + objective ** 2 / batch;
  }
  return total;
}

/** Of each element of a matrix, by central differences. */
function naiveGradient(at: Matrix, loss: () => number): Matrix {
  const step = 1e-5;
  const gradient = Matrix.zeros(at.rows, at.columns);
  for (let i = 0; i < at.rows; i++) {
    for (let j = 0; j < at.columns; j++) {
      const value = at.get(i, j);
      at.set(i, j, value + step);
      const above = loss();
      at.set(i, j, value - step);
      gradient.set(i, j, (above - loss()) / (2 * step));
      at.set(i, j, value);
    }
  }
  return gradient;
}

describe.each(layers)('%s, against float64', (_name, create) => {
  const layer = create();
  const features = layer.heads * size;
  const x = tf.variable(randomTensor([batch, length, features], 4));
  const real = tf.tensor2d(mask);
  const forward = (): tf.Tensor => layer.apply([x, real]) as tf.Tensor;
  const hostWeights = async (): Promise<Map<string, Matrix>> => {
    const entries = [...layerWeights(layer)].map(
      async ([name, value]) => [name, await matrix(value)] as const,
    );
    return new Map(await Promise.all(entries));
  };

  test('output and objective', async () => {
    const { output, losses } = withLosses(forward);
    const weights = await hostWeights();
    const [tokens, actual, objectives] = await Promise.all([x, output, losses[0].objective].map(matrix));
    const naive = mask.map((m, b) => naivePrimal(layer, weights, rowsOf(tokens, b * length, length), m));
    for (const [b, right] of naive.entries()) {
      expect(distance(rowsOf(actual, b * length, length), right.output)).toBeLessThanOrEqual(rounding);
      const bound = rounding * Math.max(1, Math.abs(right.objective)); // float32's own steps are 1.5e-5 at 130
      expect(Math.abs(objectives.get(0, b) - right.objective)).toBeLessThanOrEqual(bound);
    }
    for (const reduction of ['sample', 'batch'] as const) {
      const [value] = await ksvdLoss(losses, { reduction }).data();
      const right = ksvdPenalty([naive.map(({ objective }) => [objective])], reduction);
      expect(Math.abs(value - right)).toBeLessThanOrEqual(rounding * Math.max(1, right));
    }
  });

  test('all gradients', async () => {
    const w = randomTensor([batch, length, features], 5);
    forward().dispose();
    const trained = [...layerWeights(layer)].filter(([name]) => name !== 'features');
    const { grads } = tf.variableGrads(() => {
      const { output, losses } = withLosses(forward);
      return tf.add(tf.sum(tf.mul(output, w)), ksvdLoss(losses, { reduction: 'sample' })) as tf.Scalar;
    }, [x, ...trained.map(([, variable]) => variable)]);
    const weights = await hostWeights();
    const [tokens, hostW] = await Promise.all([x, w].map(matrix));
    const loss = (): number => naiveLoss(layer, weights, tokens, hostW);
    expect(distance(await matrix(grads[x.name]), naiveGradient(tokens, loss)), 'x').toBeLessThanOrEqual(
      rounding,
    );
    for (const [name, variable] of trained) {
      const right = naiveGradient(weights.get(name) as Matrix, loss);
      expect(distance(await matrix(grads[variable.name]), right), name).toBeLessThanOrEqual(rounding);
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
