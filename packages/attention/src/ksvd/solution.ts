import { EigenvalueDecomposition, Matrix } from 'ml-matrix';
import { isCount } from '../check.js';
import { type KsvdProblem, type KsvdWeights, kernel, mapped, primalProjection } from './problem.js';

/** A solution of the KSVD problem in both its forms, and the scores that follow. */
export interface KsvdSolution extends KsvdWeights {
  /** H_e, the s first left singular vectors, [N, s]. In each column the entry of the largest modulus is positive. */
  left: Matrix;
  /** H_r, the s first right singular vectors, [N, s], with the signs that go with `left`. */
  right: Matrix;
  /** The diagonal of Sigma, [s], descending. */
  sigma: Float64Array;
  /** The diagonal of Lambda = Sigma^-1, [s]. */
  lambda: Float64Array;
  /** All singular values of K, [N], descending. */
  singularValues: Float64Array;
}

/**
 * Solves K H_r = H_e Sigma, K^T H_e = H_r Sigma with Sigma = Lambda^-1 (theorem 3.2), by the singular value decomposition of
 * K_ij = < F phi_q(x_i), F phi_k(x_j) >, and returns to the primal with W_e = sum_j F phi_k(x_j) h_rj^T and
 * W_r = sum_i F phi_q(x_i) h_ei^T.
 *
 * With these weights e_i = Sigma h_ei and r_j = Sigma h_rj, J_e = J_r = 1/2 Tr Sigma, Tr(W_e^T W_r) = Tr Sigma, and so J = 0
 * (lemma 4.2). Time O(N^3): meant for some hundred points.
 *
 * How ours differs from the paper: it determines Lambda "automatically" by training, with J^2 in the loss; here Lambda is what
 * the theorem says. The official code has neither K nor its decomposition.
 *
 * @param rank s, at most the rank of K
 * @throws Error if s is no count, or if K has no s positive singular values: Lambda would be infinite
 */
export function solveKsvd(problem: KsvdProblem, rank: number): KsvdSolution {
  const { queries, keys, landmarks } = problem;
  if (!isCount(rank)) throw new Error(`solveKsvd: rank must be a positive integer, got ${rank}`);
  if (queries.rows !== keys.rows || queries.columns !== keys.columns) {
    throw new Error(
      `solveKsvd: queries [${queries.rows},${queries.columns}] and keys [${keys.rows},${keys.columns}] must have one shape`,
    );
  }
  if (landmarks !== undefined && landmarks.columns !== queries.columns) {
    throw new Error(
      `solveKsvd: landmarks [${landmarks.rows},${landmarks.columns}] need ${queries.columns} columns`,
    );
  }
  const { singularValues, ...vectors } = decompose(kernel(problem));
  const threshold = (Number.EPSILON / 2) * singularValues.length * singularValues[0];
  const positive = singularValues.filter((value) => value > threshold).length;
  if (rank > positive) {
    throw new Error(
      `solveKsvd: rank ${rank} needs as many positive singular values, and K has ${positive} of ${singularValues.length}`,
    );
  }
  const left = firstColumns(vectors.left, rank);
  const right = firstColumns(vectors.right, rank);
  for (let s = 0; s < rank; s++) {
    if (largestEntry(left, s) > 0) continue;
    left.mulColumn(s, -1);
    right.mulColumn(s, -1);
  }
  const sigma = singularValues.slice(0, rank);
  return {
    left,
    right,
    sigma,
    lambda: sigma.map((value) => 1 / value),
    singularValues,
    we: mapped(keys, landmarks).transpose().mmul(right),
    wr: mapped(queries, landmarks).transpose().mmul(left),
  };
}

/**
 * K = U diag(sigma) V^T of a square matrix, sigma descending, from the shifted eigenvalue problem
 *
 *     [ 0   K ] [u]         [u]
 *     [ K^T 0 ] [v] = sigma [v],
 *
 * which is theorem 3.2 itself. Not by ml-matrix's singular value decomposition: its iteration does not end for some K with equal
 * rows. Vectors of sigma = 0 are not meant to be used.
 */
function decompose(k: Matrix): { left: Matrix; right: Matrix; singularValues: Float64Array } {
  const n = k.rows;
  const shifted = Matrix.zeros(2 * n, 2 * n);
  shifted.setSubMatrix(k, 0, n);
  shifted.setSubMatrix(k.transpose(), n, 0);
  const { realEigenvalues, eigenvectorMatrix } = new EigenvalueDecomposition(shifted, {
    assumeSymmetric: true,
  });
  // Ascending, and with each sigma its negative: the upper half, from the end.
  const order = Array.from({ length: n }, (_, i) => 2 * n - 1 - i);
  const halves = (first: number): Matrix =>
    new Matrix(
      Array.from({ length: n }, (_, i) => order.map((c) => Math.SQRT2 * eigenvectorMatrix.get(first + i, c))),
    );
  const singularValues = Float64Array.from(order, (i) => Math.max(0, realEigenvalues[i]));
  return { left: halves(0), right: halves(n), singularValues };
}

/** e and r of M points, [M, s] each. */
export interface PointScores {
  e: Matrix;
  r: Matrix;
}

/**
 * e(x) = W_{e|X}^T phi_q(x), r(x) = W_{r|X}^T phi_k(x) (remark 3.3, primal), for points of the problem or others.
 *
 * @param points their features after the same maps, [M, p] each
 */
export function primalPointScores(
  { landmarks }: KsvdProblem,
  { we, wr }: Pick<KsvdWeights, 'we' | 'wr'>,
  points: { queries: Matrix; keys: Matrix },
): PointScores {
  return {
    e: primalProjection(points.queries, landmarks, we),
    r: primalProjection(points.keys, landmarks, wr),
  };
}

/**
 * e(x) = sum_j h_rj kappa(x, x_j), r(x) = sum_i h_ei kappa(x_i, x) (remark 3.3, dual): what {@link primalPointScores} gives for a
 * solution, by the kernel alone. Softmax attention is the e half of this, with values v_j in the place of h_rj.
 */
export function dualPointScores(
  problem: KsvdProblem,
  { left, right }: Pick<KsvdSolution, 'left' | 'right'>,
  points: { queries: Matrix; keys: Matrix },
): PointScores {
  const { queries, keys, landmarks } = problem;
  const toKeys = kernel({ queries: points.queries, keys, landmarks }); // [M, N]
  const toQueries = kernel({ queries, keys: points.keys, landmarks }); // [N, M]
  return { e: toKeys.mmul(right), r: toQueries.transpose().mmul(left) };
}

function firstColumns(matrix: Matrix, count: number): Matrix {
  return matrix.subMatrix(0, matrix.rows - 1, 0, count - 1);
}

function largestEntry(matrix: Matrix, column: number): number {
  let largest = 0;
  for (let i = 0; i < matrix.rows; i++) {
    const value = matrix.get(i, column);
    if (Math.abs(value) > Math.abs(largest)) largest = value;
  }
  return largest;
}
