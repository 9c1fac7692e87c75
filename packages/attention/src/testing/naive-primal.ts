import { Matrix } from 'ml-matrix';
import { cosineRows, positiveRandomRows, type RowFeatureMap } from '../ksvd/feature-maps.js';
import { mergeScores } from '../ksvd/loss.js';
import { type KsvdProblem, objective } from '../ksvd/problem.js';
import { primalPointScores } from '../ksvd/solution.js';
import { CausalPrimalAttention } from '../mechanisms/causal-primal/layer.js';
import type { PrimalLayer } from '../mechanisms/primal/base.js';
import { landmarkPositions } from '../mechanisms/primal/landmarks.js';
import { PrimalAttention } from '../mechanisms/primal/layer.js';

/** A layer's weights by name; what has three axes has its first two as rows. */
export type HostWeights = ReadonlyMap<string, Matrix>;

/** Rows from .. from + count. */
export function rowsOf(of: Matrix, from: number, count: number): Matrix {
  return of.subMatrix(from, from + count - 1, 0, of.columns - 1);
}

function columnsOf(of: Matrix, from: number, count: number): Matrix {
  return of.subMatrix(0, of.rows - 1, from, from + count - 1);
}

/**
 * A Primal layer of any form in float64, for one sample and head by head, from the functions of `ksvd/`: slow, and no part of it
 * shared with the layers.
 *
 * @param tokens [N, d]
 * @param mask [N]
 * @returns the output [N, d], and J averaged over the heads
 */
export function naivePrimal(
  layer: PrimalLayer,
  weights: HostWeights,
  tokens: Matrix,
  mask: readonly number[] = new Array<number>(tokens.rows).fill(1),
): { output: Matrix; objective: number } {
  const { heads, maskOutput, maskObjective } = layer;
  const size = tokens.columns / heads;
  const weight = (name: string): Matrix => weights.get(name) as Matrix;
  const bias = (name: string): number[] => weight(`${name}/bias`).to1DArray();
  const linear = (name: string, z: Matrix): Matrix =>
    z.mmul(weight(`${name}/kernel`)).addRowVector(bias(name));
  const map = (side: 'query' | 'key'): RowFeatureMap =>
    layer.featureMap[side] === 'cosine'
      ? cosineRows
      : (z) => positiveRandomRows(weight('features'))(Matrix.mul(z, size ** -0.25));

  // The code's formula has the means of queries and keys. With no token to average, ours has the maps of zeros: their biases.
  const side = (name: 'query' | 'key'): Matrix => {
    const projected = linear(name, tokens);
    if (!(layer instanceof CausalPrimalAttention)) return projected;
    return prefixMeans(projected, layer.maskPrefix ? mask : mask.map(() => 1), bias(name));
  };
  const [queries, keys] = [side('query'), side('key')];
  const counted = mask.flatMap((real, i) => (real || !maskObjective ? [i] : []));
  const merged = Matrix.zeros(tokens.rows, heads * size);
  let total = 0;
  for (let h = 0; h < heads; h++) {
    const points = {
      queries: map('query')(columnsOf(queries, h * size, size)),
      keys: map('key')(columnsOf(keys, h * size, size)),
    };
    const landmarks =
      layer instanceof PrimalAttention
        ? landmarksOf(layer, columnsOf(tokens, h * size, size), mask)
        : undefined;
    const count = weight('we').rows / heads;
    const head = {
      we: rowsOf(weight('we'), h * count, count),
      wr: rowsOf(weight('wr'), h * count, count),
      lambda: weight('lambda').getRow(h),
    };
    const { e, r } = primalPointScores({ ...points, landmarks }, head, points);
    const together = mergeScores(
      e,
      layer.scores === 'both' ? r : undefined,
      weight('combine/kernel'),
      bias('combine'),
    );
    merged.setSubMatrix(together, 0, h * size);
    const problem: KsvdProblem = {
      queries: new Matrix(counted.map((i) => points.queries.getRow(i))),
      keys: new Matrix(counted.map((i) => points.keys.getRow(i))),
      landmarks,
    };
    total +=
      counted.length > 0
        ? objective(problem, head, { positions: 'mean', lambda: 'root' }).objective
        : -Matrix.mul(head.we, head.wr).sum();
  }
  if (maskOutput) merged.mulColumnVector([...mask]);
  return { output: linear('output', merged), objective: total / heads };
}

function landmarksOf(layer: PrimalAttention, slice: Matrix, mask: readonly number[]): Matrix {
  const rows = [...landmarkPositions(slice.rows, layer.landmarks)].map((i) =>
    slice.getRow(i).map((value) => (layer.maskLandmarks ? value * mask[i] : value)),
  );
  return new Matrix(rows);
}

/** The mean of each row and those before it, of what counts; where nothing does, `empty`. */
function prefixMeans(z: Matrix, mask: readonly number[], empty: readonly number[]): Matrix {
  const means = Matrix.zeros(z.rows, z.columns);
  for (let t = 0; t < z.rows; t++) {
    let count = 0;
    const sum = new Array<number>(z.columns).fill(0);
    for (let u = 0; u <= t; u++) {
      if (!mask[u]) continue;
      count++;
      for (let c = 0; c < z.columns; c++) sum[c] += z.get(u, c);
    }
    means.setRow(t, count === 0 ? [...empty] : sum.map((value) => value / count));
  }
  return means;
}
