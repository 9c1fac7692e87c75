import * as tf from '@tensorflow/tfjs';
import { checkShapes } from '../../check.js';

/** What projects queries and keys. */
export interface Projections {
  /** W_{e|X} = f(X)^T W_e, [H, B, p, s]; where it is the same for all, [H, 1, p, s]. */
  projectionE: tf.Tensor4D;
  /** W_{r|X} = f(X)^T W_r, as before. */
  projectionR: tf.Tensor4D;
}

/** The projection scores of a Primal layer and the weights that made them. */
export interface PrimalScores extends Projections {
  /** e(x_i) on the query side, [H, B, N, s]. */
  e: tf.Tensor4D;
  /** r(x_j) on the key side, [H, B, N, s]. */
  r: tf.Tensor4D;
}

/**
 * e_i = W_{e|X}^T phi_q(x_i), r_j = W_{r|X}^T phi_k(x_j), with W_{e|X} = f(X)^T W_e and W_{r|X} = f(X)^T W_r
 * (equation 6; data-dependent weights).
 *
 * @param q phi_q, the queries after the feature map, [H, B, N, p]
 * @param k phi_k, the keys after the feature map, [H, B, N, p]
 * @param landmarks f(X), [H, B, n, p]
 * @param we W_e, [H, n, s]
 * @param wr W_r, [H, n, s]
 */
export function primalScores(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  landmarks: tf.Tensor4D,
  we: tf.Tensor3D,
  wr: tf.Tensor3D,
): PrimalScores {
  checkShapes('primalScores', {
    q: [q, 'H B N p'],
    k: [k, 'H B N p'],
    landmarks: [landmarks, 'H B n p'],
    we: [we, 'H n s'],
    wr: [wr, 'H n s'],
  });
  const { projectionE, projectionR } = projections(landmarks, we, wr);
  return {
    e: projectedScores(q, projectionE),
    r: projectedScores(k, projectionR),
    projectionE,
    projectionR,
  };
}

/**
 * e_i = W_e^T phi_q(x_i), r_j = W_r^T phi_k(x_j): f(X) = I (data-independent weights).
 *
 * @param q phi_q, the queries after the feature map, [H, B, N, p]
 * @param k phi_k, the keys after the feature map, [H, B, N, p]
 * @param we W_e, [H, p, s]
 * @param wr W_r, [H, p, s]
 * @returns e and r; the projections are W_e and W_r themselves, [H, 1, p, s]
 */
export function dataIndependentScores(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  we: tf.Tensor3D,
  wr: tf.Tensor3D,
): PrimalScores {
  checkShapes('dataIndependentScores', {
    q: [q, 'H B N p'],
    k: [k, 'H B N p'],
    we: [we, 'H p s'],
    wr: [wr, 'H p s'],
  });
  const { projectionE, projectionR } = ownProjections(we, wr);
  return { e: projectedScores(q, projectionE), r: projectedScores(k, projectionR), projectionE, projectionR };
}

/** W_e and W_r as they are, for all samples: [H, p, s] to [H, 1, p, s]. */
export function ownProjections(we: tf.Tensor3D, wr: tf.Tensor3D): Projections {
  return { projectionE: tf.expandDims(we, 1), projectionR: tf.expandDims(wr, 1) };
}

/**
 * A^T phi per head: phi [H, B, N, p] and A [H, B, p, s], or [H, 1, p, s] for all samples, to [H, B, N, s].
 */
export function projectedScores(phi: tf.Tensor4D, projection: tf.Tensor4D): tf.Tensor4D {
  const [heads, batch, length, size] = phi.shape;
  if (projection.shape[1] === batch) return tf.matMul(phi, projection) as tf.Tensor4D;
  const together = tf.reshape(phi, [heads, 1, batch * length, size]); // [H, 1, B N, p]
  return tf.reshape(tf.matMul(together, projection), [heads, batch, length, projection.shape[3]]); // [H, B, N, s]
}

/**
 * W_{e|X} = f(X)^T W_e and W_{r|X} = f(X)^T W_r: f(X) [H, B, n, p] and [H, n, s] to [H, B, p, s].
 */
export function projections(landmarks: tf.Tensor4D, we: tf.Tensor3D, wr: tf.Tensor3D): Projections {
  const project = projectWith(landmarks);
  return { projectionE: project(we), projectionR: project(wr) };
}

/**
 * W_{e|X} = f(X)^T W_e and W_{r|X} = f(X)^T W_r side by side, by one product, as kernels read them: f(X) [H, B, n, p] and
 * [H, n, s] to [H, B, p, 2 s].
 */
export function jointProjections(landmarks: tf.Tensor4D, we: tf.Tensor3D, wr: tf.Tensor3D): tf.Tensor4D {
  return tf.tidy(() => projectWith(landmarks)(tf.concat([we, wr], 2)));
}

/** w to f(X)^T w: [H, n, k] to [H, B, p, k]. */
function projectWith(landmarks: tf.Tensor4D): (w: tf.Tensor3D) => tf.Tensor4D {
  const [heads, batch, count, size] = landmarks.shape;
  // Samples become columns, so that one product per head serves the whole batch, and its gradient in W sums over it.
  const columns = tf.reshape(tf.transpose(landmarks, [0, 2, 1, 3]), [heads, count, batch * size]); // [H, n, B p]
  return (w) => tf.reshape(tf.matMul(columns, w, true), [heads, batch, size, w.shape[2]]); // [H, B p, k] to [H, B, p, k]
}

/**
 * o_i = W_c^T [e_i ; r_i] + b_c (the concatenation of equation 9), one map for all heads: [H, B, N, s] twice to
 * [H, B, N, p]. Without r: o_i = W_c^T e_i + b_c.
 *
 * Computed as e W_c[:s] + r W_c[s:], which spares the concatenated copy of the scores.
 *
 * @param kernel W_c, [2 s, p]; without r, [s, p]
 * @param bias b_c, [p]
 */
export function combineScores(
  e: tf.Tensor4D,
  r: tf.Tensor4D | undefined,
  kernel: tf.Tensor2D,
  bias: tf.Tensor1D,
): tf.Tensor4D {
  const [heads, batch, length, rank] = e.shape;
  const [inputs, size] = kernel.shape;
  if (inputs !== (r === undefined ? rank : 2 * rank)) {
    throw new Error(
      `combineScores: ${r === undefined ? 'e' : 'e and r'} of rank ${rank} need a kernel ` +
        `[${r === undefined ? rank : 2 * rank}, p], got [${kernel.shape}]`,
    );
  }
  return tf.tidy(() => {
    const product = (scores: tf.Tensor4D, from: number): tf.Tensor2D =>
      tf.matMul(
        tf.reshape(scores, [heads * batch * length, rank]) as tf.Tensor2D,
        tf.slice(kernel, from, rank),
      );
    const ofE = product(e, 0);
    const sum = r === undefined ? ofE : tf.add(ofE, product(r, rank));
    return tf.reshape(tf.add(sum, bias), [heads, batch, length, size]);
  });
}

/** The terms of the KSVD objective; each already averaged over heads, and over positions where there are any. */
export interface KsvdTerms {
  /** J_e = 1/2 mean_{h,i} ||lambda_h * e_{h,i}||^2 per sample, [B]. */
  queryVariance: tf.Tensor1D;
  /** J_r = 1/2 mean_{h,j} ||lambda_h * r_{h,j}||^2 per sample, [B]. */
  keyVariance: tf.Tensor1D;
  /** mean_h Tr(W_e[h]^T W_r[h]): a scalar, or per sample with the weights W_{.|X}, [B]. */
  trace: tf.Scalar | tf.Tensor1D;
  /** J = J_e + J_r - trace per sample, [B]. */
  objective: tf.Tensor1D;
}

/**
 * J = 1/2 mean_{h,i} ||lambda_h * e_{h,i}||^2 + 1/2 mean_{h,j} ||lambda_h * r_{h,j}||^2 - mean_h Tr(W_e[h]^T W_r[h])
 * (equation 6), per sample. At a solution of the KSVD problem J is 0 (lemma 4.2), which is necessary and not sufficient:
 * W_e = W_r = 0 gives 0 as well, and so do trades between the terms. `ksvd/` has the solutions themselves, in float64.
 *
 * How ours differs from the paper, with the official code: lambda is the square root of Lambda (it multiplies scores
 * before they are squared) and may have any sign; sums over positions are means, which rescales Lambda by N; the heads are
 * averaged here, before a loss squares J. Padded positions count, as there, unless a mask says which do.
 *
 * @param e [H, B, N, s]
 * @param r [H, B, N, s]
 * @param lambda [H, s]
 * @param trace from {@link weightTrace} or {@link projectionTrace}
 * @param mask [B, N], of the positions that the means are taken over; the mean over none is 0
 */
export function ksvdObjective(
  e: tf.Tensor4D,
  r: tf.Tensor4D,
  lambda: tf.Tensor2D,
  trace: tf.Scalar | tf.Tensor1D,
  mask?: tf.Tensor2D,
): KsvdTerms {
  checkShapes('ksvdObjective', {
    e: [e, 'H B N s'],
    r: [r, 'H B N s'],
    lambda: [lambda, 'H s'],
    ...(mask && { mask: [mask, 'B N'] }),
  });
  const [heads, batch, length, rank] = e.shape;
  const weights = tf.reshape(tf.square(lambda), [heads, 1, rank]); // [H, 1, s]
  const variance = (scores: tf.Tensor4D): tf.Tensor1D => {
    const squares = tf.square(scores);
    const counted = mask === undefined ? squares : tf.mul(squares, tf.reshape(mask, [1, batch, length, 1]));
    const sums = tf.sum(tf.mul(tf.sum(counted, 2), weights), [0, 2]); // [H, B, s] to [B]
    if (mask === undefined) return tf.mul(sums, 0.5 / (heads * length)) as tf.Tensor1D;
    return tf.div(tf.mul(sums, 0.5 / heads), tf.maximum(tf.sum(mask, 1), 1));
  };
  const queryVariance = variance(e);
  const keyVariance = variance(r);
  const objective = tf.sub(tf.add(queryVariance, keyVariance), trace) as tf.Tensor1D;
  return { queryVariance, keyVariance, trace, objective };
}

/** mean_h Tr(W_e[h]^T W_r[h]) of the weights themselves, [H, n, s] each: a scalar. */
export function weightTrace(we: tf.Tensor3D, wr: tf.Tensor3D): tf.Scalar {
  return tf.tidy(() => tf.mul(tf.sum(tf.mul(we, wr)), 1 / we.shape[0]) as tf.Scalar);
}

/** mean_h Tr(W_{e|X}[h]^T W_{r|X}[h]) per sample, of [H, B, p, s] each: [B]. */
export function projectionTrace(projectionE: tf.Tensor4D, projectionR: tf.Tensor4D): tf.Tensor1D {
  return tf.tidy(() => tf.mul(tf.sum(tf.mul(projectionE, projectionR), [0, 2, 3]), 1 / projectionE.shape[0]));
}
