import * as tf from '@tensorflow/tfjs';
import { cosineFeatureMap } from './feature-map.js';
import { flatOutput, flatQueriesAndKeys, flatScores } from './flat.js';
import type { Projections } from './primal.js';

/** A Primal layer of few heads with everything computed that does not depend on tokens. */
export interface FoldedPrimal {
  /** W_e, [H, n, s]. */
  readonly we: tf.Tensor3D;
  /** W_r, [H, n, s]. */
  readonly wr: tf.Tensor3D;
  /** W_q [d, d] and its bias [d]. */
  readonly query: { readonly kernel: tf.Tensor2D; readonly bias: tf.Tensor1D };
  /** W_k [d, d] and its bias [d]. */
  readonly key: { readonly kernel: tf.Tensor2D; readonly bias: tf.Tensor1D };
  /** C_h = W_c W_out[h] of e for each head, then of r, [2 H s, d]. */
  readonly combine: tf.Tensor2D;
  /** c, what W_c's bias becomes behind W_out, [d]. */
  readonly inner: tf.Tensor1D;
  /** b, W_out's own bias, [d]. */
  readonly bias: tf.Tensor1D;
  /**
   * Hands J to whoever collects it (`withLosses`, `attachKsvdLoss`).
   *
   * @param squares the sums of e^2 and r^2 over the tokens, [B, 2 H s]
   * @param length N
   */
  report(squares: tf.Tensor2D, length: number, training: boolean): void;
}

/**
 * o_i = mask_i (sum_h C_h^T [e_h,i ; r_h,i] + c) + b, and the sums over i of e_i^2 and r_i^2: what `PrimalAttention` computes, for
 * those who compute a layer in a form of their own.
 *
 * @param x [B, N, d]
 * @param mask [B, N]; none sets nothing to 0
 * @returns o [B, N, d] and the sums [B, 2 H s], e of all heads before r
 */
export function foldedPrimal(
  x: tf.Tensor3D,
  folded: Omit<FoldedPrimal, 'we' | 'wr' | 'report'> & Projections,
  mask?: tf.Tensor2D,
): { output: tf.Tensor3D; squares: tf.Tensor2D } {
  const { query, key, projectionE, projectionR, combine, inner, bias } = folded;
  const maps = { query: cosineFeatureMap, key: cosineFeatureMap };
  return tf.tidy(() => {
    const queriesAndKeys = flatQueriesAndKeys(x, query, key, projectionE.shape[0], maps); // [B, N, 2 d]
    const scores = flatScores(queriesAndKeys, projectionE, projectionR); // [B, N, 2 H s]
    const outputMaps = { combine, inner: tf.reshape(inner, [1, inner.size]) as tf.Tensor2D, bias };
    return {
      output: flatOutput(scores, outputMaps, mask),
      squares: tf.sum(tf.square(scores), 1) as tf.Tensor2D,
    };
  });
}
