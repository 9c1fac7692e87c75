import { type Matrix, QrDecomposition } from 'ml-matrix';
import { type RealArray, requireCount } from './array.js';
import { decompose, toMatrix } from './singular-values.js';

/** The features that a Primal layer's attention matrix is made of, one head and one sample. */
export interface PrimalFeatures {
  /** phi_Q, [tokens, features] row-major: feature-mapped queries (cosine map: rows of length 1). */
  queries: RealArray;
  /** phi_K, [tokens, features] row-major: feature-mapped keys. */
  keys: RealArray;
  /** N, the number of tokens. */
  tokens: number;
  /** p, the number of features. */
  features: number;
  /** f(X) = F, [landmarks, features] row-major: the head's part of the layer input at the sampled positions. Left out: f = I. */
  landmarks?: RealArray;
}

/**
 * Singular values of the matrix that a Primal layer stands for, without forming it:
 *
 *     K = phi_Q G phi_K^T, G = F^T F   (theorem 3.2: K_ij = <F phi_q(x_i), F phi_k(x_j)>), with `landmarks`
 *     K = phi_Q phi_K^T                (data-independent, f = I), without
 *
 * The paper does not say which of the two its figure 1 shows: compute both and name the one you plot. The rank is at most p by
 * construction, so a comparison with softmax attention is not like for like.
 *
 * With the QR decompositions phi_Q = Q_1 R_1 and phi_K = Q_2 R_2 the singular values are those of R_1 G R_2^T, at most p x p; the
 * other tokens - p are 0. Time O(N p^2 + p^3) instead of O(N^3).
 *
 * @returns [tokens], descending
 * @throws if a length does not match, or if a value is NaN or infinite
 */
export function primalSingularValues(layer: PrimalFeatures): Float64Array {
  const where = 'primalSingularValues';
  const { tokens, features } = layer;
  const queries = triangle(toMatrix(layer.queries, tokens, features, `${where}: queries`)); // [min(N, p), p]
  const keys = triangle(toMatrix(layer.keys, tokens, features, `${where}: keys`)); // [min(N, p), p]
  const left = layer.landmarks
    ? queries.mmul(gram(layer.landmarks, features, `${where}: landmarks`))
    : queries;
  const values = new Float64Array(tokens);
  values.set(decompose(left.mmul(keys.transpose())));
  return values;
}

/** R of a QR decomposition; with fewer rows than columns there is nothing to save, and the matrix itself serves. */
function triangle(matrix: Matrix): Matrix {
  return matrix.rows > matrix.columns ? new QrDecomposition(matrix).upperTriangularMatrix : matrix;
}

/** G = F^T F, [features, features]. */
function gram(landmarks: RealArray, features: number, where: string): Matrix {
  const rows = landmarks.length / features;
  if (!Number.isInteger(rows)) {
    throw new Error(
      `${where}: ${landmarks.length} values are no whole number of rows of ${features} features`,
    );
  }
  requireCount(rows, `${where}: the number of rows`);
  const matrix = toMatrix(landmarks, rows, features, where);
  return matrix.transpose().mmul(matrix);
}
