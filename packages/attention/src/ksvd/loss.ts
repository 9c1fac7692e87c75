import { Matrix } from 'ml-matrix';
import { checkOneOf } from '../check.js';
import type { KsvdReduction } from '../mechanisms/primal/ksvd-loss.js';

/**
 * mean over layers of mean_b (mean_h J)^2 (`sample`), or (mean_b mean_h J)^2 (`batch`): the second term of equation 10 without
 * eta, as `ksvdLoss` computes it from the layers' objectives.
 *
 * The mean over heads stands inside the square in both, so that heads of opposite signs cancel. Since a square is convex,
 * `batch` is never more than `sample`.
 *
 * @param objectives J per layer, sample and head: J[l][b][h]
 */
export function ksvdPenalty(
  objectives: readonly (readonly (readonly number[])[])[],
  reduction: KsvdReduction,
): number {
  checkOneOf('ksvdPenalty', 'reduction', reduction, ['sample', 'batch']);
  if (objectives.length === 0) return 0;
  return mean(
    objectives.map((samples) => {
      const perSample = samples.map(mean);
      return reduction === 'sample' ? mean(perSample.map((j) => j * j)) : mean(perSample) ** 2;
    }),
  );
}

function mean(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}

/**
 * o_i = W_c^T [e_i ; r_i] + b_c, or W_c^T e_i + b_c without r: [N, s] each to [N, p]. One head of `combineScores`.
 *
 * @param kernel W_c, [2 s, p]; without r, [s, p]
 */
export function mergeScores(
  e: Matrix,
  r: Matrix | undefined,
  kernel: Matrix,
  bias: ArrayLike<number>,
): Matrix {
  const merged = r === undefined ? e : new Matrix(e.to2DArray().map((row, i) => [...row, ...r.getRow(i)])); // [N, 2 s]
  if (merged.columns !== kernel.rows) {
    throw new Error(
      `mergeScores: ${merged.columns} scores need a kernel [${merged.columns}, p], got [${kernel.rows},${kernel.columns}]`,
    );
  }
  return merged.mmul(kernel).addRowVector(Array.from(bias));
}
