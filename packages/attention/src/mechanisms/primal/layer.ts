import * as tf from '@tensorflow/tfjs';
import { checkCount, checkOneOf } from '../../check.js';
import { splitHeads } from '../../heads.js';
import { PrimalLayer, type PrimalLayerConfig, type Projected } from './base.js';
import type { FoldedPrimal } from './folded.js';
import { landmarkPositions, takeRows } from './landmarks.js';
import { projections, projectionTrace } from './primal.js';

export interface PrimalAttentionConfig extends PrimalLayerConfig {
  /** n, the number of rows of X in f(X). Give this, or `rankMultiplier`. */
  landmarks?: number;
  /** Makes n = rank * rankMultiplier, and no more than `maxLength` where that is given (the UEA code's rule). */
  rankMultiplier?: number;
  /** The longest sequence there will be. */
  maxLength?: number;
  /**
   * Which weights the trace of the objective takes: W_e and W_r (`weights`, the default, as in all published runs), or
   * W_{e|X} and W_{r|X} (`projections`, the LRA code without `--trace_no_x`).
   */
  trace?: 'weights' | 'projections';
  /** See {@link PrimalLayerConfig}. Default true, as in the LRA code. */
  maskOutput?: boolean;
  /**
   * Sets padded rows of f(X) to 0, so that padding changes no real token's output. Default false, as in the official code.
   */
  maskLandmarks?: boolean;
}

const traces = ['weights', 'projections'] as const;

/**
 * o_i = W_out [heads: W_c [e_i ; r_i]], e_i = W_{e|X}^T phi(W_q x_i), r_i = W_{r|X}^T phi(W_k x_i),
 * W_{e|X} = f(X)^T W_e, W_{r|X} = f(X)^T W_r, phi(z) = z / ||z|| (equations 6 and 9, data-dependent weights). Another phi is
 * an option, and so is the output without r.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d].
 * f(X) is made of n rows of x, at even distances ({@link landmarkPositions}), with head h taking its p = d / H features.
 * Time O(B N d (d + s)), memory O(B N d): linear in N.
 *
 * | weight | shape | paper | initial values |
 * |---|---|---|---|
 * | `query/kernel`, `key/kernel` | [d, d] | W_q, W_k | U(+-1/sqrt d) |
 * | `we`, `wr` | [H, n, s] | W_e, W_r | {@link OrthogonalHeads} |
 * | `lambda` | [H, s] | square root of Lambda | U[0, 1) |
 * | `combine/kernel` | [2 s, p] | W_o | U(+-1/sqrt(2 s)) |
 * | `output/kernel` | [d, d] | none | U(+-1/sqrt d) |
 * | `features`, with `positive-random` only; not trained | [p, p] | w_1 .. w_p | N(0, 1) |
 *
 * and the biases of the four linear maps. The objective J reaches a loss through `withLosses` or `attachKsvdLoss`; the
 * scores are heard with `onScores`. A fully padded sample gives `output/bias` at every position, with finite gradients.
 *
 * How ours differs from the paper, with the official code:
 * - two linear maps follow the scores (W_c shared by the heads, then W_out), the paper has one;
 * - lambda is the square root of the paper's Lambda, trained, of any sign; J takes means over positions and over heads;
 * - the H flattened heads of W_e are orthonormal at first, not the columns of one head;
 * - there are no values; dropout on attention does not exist here;
 * - W_e and W_r have a fixed n: for another N the grid stretches, and where n > N rows repeat;
 * - padding takes part: padded rows are sampled into f(X), and J counts padded positions. `maskLandmarks` mends the first,
 *   `maskObjective` the second.
 *
 * Source: yingyichen-cyy/PrimalAttention, PrimalAttention_LRA/PrimalFormer/attentions and
 * PrimalAttention_TimeSeries/PrimalFormer/models/Primal_Attention.py, whose differences are the options above.
 */
export class PrimalAttention extends PrimalLayer {
  /** @nocollapse */
  static readonly className: string = 'PrimalAttention';
  /** n, the number of rows of f(X). */
  readonly landmarks: number;
  readonly trace: 'weights' | 'projections';
  readonly maskLandmarks: boolean;

  constructor(config: PrimalAttentionConfig) {
    super(config, ['landmarks', 'rankMultiplier', 'maxLength', 'trace', 'maskLandmarks'], 'PrimalAttention', {
      maskOutput: true,
    });
    const { trace = 'weights', maskLandmarks = false } = config;
    checkOneOf('PrimalAttention', 'trace', trace, traces);
    this.landmarks = landmarkCount(config);
    this.trace = trace;
    this.maskLandmarks = maskLandmarks;
  }

  protected override weightRows(): number {
    return this.landmarks;
  }

  protected override project(
    x: tf.Tensor3D,
    mask: tf.Tensor2D | undefined,
    we: tf.Tensor3D,
    wr: tf.Tensor3D,
  ): Projected {
    const landmarks = this.landmarksOf(this.landmarkRows(x), x.shape[1], mask);
    const projected = projections(landmarks, we, wr);
    const { projectionE, projectionR } = projected;
    return {
      tokens: x,
      projections: projected,
      landmarks,
      ...(this.trace === 'projections' && { trace: () => projectionTrace(projectionE, projectionR) }),
    };
  }

  /** The rows of x that f(X) is made of, before a mask and before they are cut into heads: [B, N, d] to [B, n, d]. */
  landmarkRows(x: tf.Tensor3D): tf.Tensor3D {
    return takeRows(x, landmarkPositions(x.shape[1], this.landmarks));
  }

  /**
   * Whether a kernel for a whole block can compute the layer: it has at most two heads, both scores with the map `cosine` and an
   * objective of all tokens, and nobody hears its scores.
   */
  get foldable(): boolean {
    return this.canFold;
  }

  /**
   * The layer for a kernel that computes a whole block, where it is {@link foldable}: what `foldedPrimal` takes, but for the
   * projections. The tensors belong to the caller's `tf.tidy`.
   *
   * @param rows {@link landmarkRows} of what the layer's input is; asked for where the objective takes the projections' trace
   * @param length N
   * @param mask [B, N]
   */
  fold(rows: () => tf.Tensor3D, length: number, mask: tf.Tensor2D | undefined): FoldedPrimal {
    if (this.trace === 'weights') return this.foldWith();
    return this.foldWith((we, wr) => {
      const { projectionE, projectionR } = projections(this.landmarksOf(rows(), length, mask), we, wr);
      return projectionTrace(projectionE, projectionR);
    });
  }

  /**
   * f(X): {@link landmarkRows}, padded ones set to 0 where `maskLandmarks` says so, cut into heads, [B, n, d] to [H, B, n, p].
   *
   * @param length N
   * @param mask [B, N]
   */
  landmarksOf(rows: tf.Tensor3D, length: number, mask: tf.Tensor2D | undefined): tf.Tensor4D {
    if (mask === undefined || !this.maskLandmarks) return splitHeads(rows, this.heads);
    const positions = landmarkPositions(length, this.landmarks);
    const kept = takeRows(tf.expandDims(mask, 2) as tf.Tensor3D, positions); // [B, n, 1]
    return splitHeads(tf.mul(rows, kept) as tf.Tensor3D, this.heads);
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { landmarks, trace, maskLandmarks } = this;
    return { ...super.getConfig(), landmarks, trace, maskLandmarks };
  }
}
tf.serialization.registerClass(PrimalAttention);

function landmarkCount({ rank, landmarks, rankMultiplier, maxLength }: PrimalAttentionConfig): number {
  if ((landmarks === undefined) === (rankMultiplier === undefined)) {
    throw new Error(
      `PrimalAttention: give either landmarks or rankMultiplier, got landmarks ${landmarks} and rankMultiplier ${rankMultiplier}`,
    );
  }
  if (landmarks !== undefined) {
    checkCount('PrimalAttention', 'landmarks', landmarks);
    if (maxLength !== undefined) {
      throw new Error('PrimalAttention: maxLength goes with rankMultiplier; landmarks is taken as it is');
    }
    return landmarks;
  }
  checkCount('PrimalAttention', 'rankMultiplier', rankMultiplier);
  if (maxLength === undefined) return rank * (rankMultiplier as number);
  checkCount('PrimalAttention', 'maxLength', maxLength);
  return Math.min(rank * (rankMultiplier as number), maxLength);
}
