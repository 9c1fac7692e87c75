import * as tf from '@tensorflow/tfjs';
import { PrimalLayer, type PrimalLayerConfig, type Projected } from '../primal/base.js';
import { ownProjections } from '../primal/primal.js';

export interface DataIndependentPrimalAttentionConfig extends PrimalLayerConfig {
  /** See {@link PrimalLayerConfig}. Default false: the official data-independent code does nothing with its mask. */
  maskOutput?: boolean;
}

/**
 * o_i = W_out [heads: W_c [e_i ; r_i]], e_i = W_e^T phi(W_q x_i), r_i = W_r^T phi(W_k x_i), phi(z) = z / ||z||
 * (equations 6 and 9 with f(X) = I).
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d].
 * Time O(B N d (d + s)), memory O(B N d).
 *
 * **It mixes no tokens**: each output follows from its own token alone, so that padding, order and length mean nothing. All
 * mixing of Primal-Attention comes from f(X) ({@link PrimalAttention}) or from the prefix means of its causal form
 * ({@link CausalPrimalAttention}). It is here as the paper's other mode of projection weights, and as a control.
 *
 * Weights: those of {@link PrimalAttention}, but `we` and `wr` are [H, p, s] with p = d / H. The objective J reaches a loss
 * through `withLosses` or `attachKsvdLoss`; the scores are heard with `onScores`.
 *
 * How ours differs from the paper and from the official code: as {@link PrimalAttention} in the two linear maps, lambda and
 * the means of J. The official repository has this mode in its causal form only, whose parts these are.
 *
 * Source: yingyichen-cyy/PrimalAttention, PrimalAttention_RL/decision_transformer/models/primal_attention.py, without its
 * prefix means.
 */
export class DataIndependentPrimalAttention extends PrimalLayer {
  /** @nocollapse */
  static readonly className: string = 'DataIndependentPrimalAttention';

  constructor(config: DataIndependentPrimalAttentionConfig) {
    super(config, [], 'DataIndependentPrimalAttention', { maskOutput: false });
  }

  protected override weightRows(): number {
    return this.headSize;
  }

  protected override project(
    x: tf.Tensor3D,
    _mask: tf.Tensor2D | undefined,
    we: tf.Tensor3D,
    wr: tf.Tensor3D,
  ): Projected {
    return { tokens: x, projections: ownProjections(we, wr) };
  }
}
tf.serialization.registerClass(DataIndependentPrimalAttention);
