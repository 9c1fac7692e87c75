import { Matrix } from 'ml-matrix';

/*
 * The theory of the paper in float64 on the host, for tests and for looking into small models: one head of one sample. Points
 * are rows: phi_q is [N, p], not a list of columns.
 */

/** What the KSVD problem is about: two feature maps of the same points, and f(X). */
export interface KsvdProblem {
  /** phi_q(x_i), [N, p]. */
  queries: Matrix;
  /** phi_k(x_j), [N, p]. */
  keys: Matrix;
  /** F = f(X), [n, p]; the paper has n = N. Left out: F = I (data-independent weights). */
  landmarks?: Matrix;
}

/** The unknowns of the primal problem. */
export interface KsvdWeights {
  /** W_e, [n, s]. */
  we: Matrix;
  /** W_r, [n, s]. */
  wr: Matrix;
  /** The diagonal of Lambda, or its square root: {@link ObjectiveOptions}. [s]. */
  lambda: ArrayLike<number>;
}

/** F phi for each row: [N, p] to [N, n]. */
export function mapped(phi: Matrix, landmarks: Matrix | undefined): Matrix {
  return landmarks === undefined ? phi : phi.mmul(landmarks.transpose());
}

/** kappa(x_i, z_j) = < F phi_q(x_i), F phi_k(z_j) >: the asymmetric kernel, [M, p] and [N, p] to [M, N]. Its rank is at most p. */
export function kernel({ queries, keys, landmarks }: KsvdProblem): Matrix {
  return mapped(queries, landmarks).mmul(mapped(keys, landmarks).transpose());
}

/** The primal scores e(x_i) = (F^T W_e)^T phi_q(x_i), or r with phi_k and W_r: phi [N, p] and W [n, s] to [N, s]. */
export function primalProjection(phi: Matrix, landmarks: Matrix | undefined, weights: Matrix): Matrix {
  return mapped(phi, landmarks).mmul(weights);
}

/** Which of the two definitions of J: the paper's, or the code's. */
export interface ObjectiveOptions {
  /** The paper sums over the positions, the code takes means. Default `sum`. */
  positions?: 'sum' | 'mean';
  /**
   * What `lambda` is: the diagonal of Lambda, as in the paper, or its square root, which multiplies the scores before they are
   * squared, as in the code. Default `diagonal`.
   */
  lambda?: 'diagonal' | 'root';
}

/** J and its parts. */
export interface KsvdParts {
  /** J_e = 1/2 sum_i e_i^T Lambda e_i. */
  queryVariance: number;
  /** J_r = 1/2 sum_j r_j^T Lambda r_j. */
  keyVariance: number;
  /** Tr(W_e^T W_r). */
  trace: number;
  /** J = J_e + J_r - Tr(W_e^T W_r). */
  objective: number;
}

/**
 * J = 1/2 sum_i e_i^T Lambda e_i + 1/2 sum_j r_j^T Lambda r_j - Tr(W_e^T W_r) (equation 6).
 *
 * The layers' objective (`ksvdObjective`) is this with `{ positions: 'mean', lambda: 'root' }`, averaged over the heads.
 * Lemma 4.2: J = 0 at each solution ({@link solveKsvd}). It is necessary, not sufficient: J = 0 for W_e = W_r = 0 too.
 */
export function objective(
  problem: KsvdProblem,
  weights: KsvdWeights,
  options: ObjectiveOptions = {},
): KsvdParts {
  const { we, wr } = weights;
  const { queries, keys, landmarks } = problem;
  const queryVariance = variance(primalProjection(queries, landmarks, we), weights.lambda, options);
  const keyVariance = variance(primalProjection(keys, landmarks, wr), weights.lambda, options);
  const trace = Matrix.mul(we, wr).sum();
  return { queryVariance, keyVariance, trace, objective: queryVariance + keyVariance - trace };
}

/**
 * The gradients of J: dJ/dW_e = sum_i F phi_q(x_i) e_i^T Lambda - W_r and dJ/dW_r = sum_j F phi_k(x_j) r_j^T Lambda - W_e,
 * [n, s] each. Both are 0 at a solution: it is a stationary point.
 */
export function objectiveGradients(
  problem: KsvdProblem,
  { we, wr, lambda }: KsvdWeights,
  options: ObjectiveOptions = {},
): { we: Matrix; wr: Matrix } {
  const gradient = (phi: Matrix, own: Matrix, other: Matrix): Matrix => {
    const features = mapped(phi, problem.landmarks); // [N, n]
    const weighted = features.mmul(own).mulRowVector(diagonal(lambda, features.rows, options)); // [N, s]
    return features.transpose().mmul(weighted).sub(other);
  };
  return { we: gradient(problem.queries, we, wr), wr: gradient(problem.keys, wr, we) };
}

function variance(scores: Matrix, lambda: ArrayLike<number>, options: ObjectiveOptions): number {
  return (
    Matrix.mul(scores, scores)
      .mulRowVector(diagonal(lambda, scores.rows, options))
      .sum() / 2
  );
}

/** What each squared score is weighted by. */
function diagonal(lambda: ArrayLike<number>, count: number, options: ObjectiveOptions): number[] {
  const { positions = 'sum', lambda: kind = 'diagonal' } = options;
  const share = positions === 'sum' ? 1 : 1 / count;
  return Array.from(lambda, (value) => share * (kind === 'diagonal' ? value : value * value));
}
