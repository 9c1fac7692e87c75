import { dropout, nextRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { checkRate } from '../../check.js';
import type { CallOptions } from '../../layer.js';
import { PrimalLayer, type PrimalLayerConfig, type Projected } from '../primal/base.js';
import { ownProjections } from '../primal/primal.js';
import { prefixMean } from './prefix-mean.js';

export interface CausalPrimalAttentionConfig extends PrimalLayerConfig {
  /** Rate of dropout on the layer's output in training, inside the layer as in the RL code. Default 0; its runs have 0.1. */
  dropout?: number;
  /**
   * Leaves padded tokens out of the prefix means, so that padding changes no real token's output. Default false, as in the
   * official code, where padding comes last and real tokens never see it.
   */
  maskPrefix?: boolean;
  /** See {@link PrimalLayerConfig}. Default false: the official causal code does nothing with its mask. */
  maskOutput?: boolean;
}

/**
 * o_t = W_out [heads: W_c [e_t ; r_t]], e_t = W_e^T phi(q~_t), r_t = W_r^T phi(k~_t), q~_t = 1/t sum_{u <= t} W_q x_u, k~_t
 * likewise, phi(z) = z / ||z||: causal Primal-Attention, with data-independent weights.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]. An
 * output never depends on a later token. Time O(B N d (d + s)), memory O(B N d).
 *
 * The linear maps and the mean may change places: q~_t = W_q x~_t + b_q with x~_t = 1/t sum_{u <= t} x_u. We take one prefix
 * mean of the input instead of two of the queries and keys ({@link prefixMean}); the same numbers up to rounding.
 *
 * Weights: those of {@link PrimalAttention}, but `we` and `wr` are [H, p, s] with p = d / H. The objective J reaches a loss
 * through `withLosses` or `attachKsvdLoss`; the scores are heard with `onScores`. A fully padded sample has finite outputs
 * and gradients. Dropout draws its key with `nextRandomKey`: wrap the training step in `withRandomKey`.
 *
 * How ours differs from the paper and from the official code:
 * - the paper says only that there is a causal form; the formula is that of the code;
 * - the paper says that the language model has data-dependent weights; the code has these, and so do we;
 * - as {@link PrimalAttention} in the two linear maps, lambda and the means of J;
 * - the RL code has dropout on its output inside the module, the language model outside: leave it 0 there;
 * - the language model's code decodes step by step with a prefix that begins anew at each step. Ours has no such mode.
 *
 * Source: yingyichen-cyy/PrimalAttention, PrimalAttention_RL/decision_transformer/models/primal_attention.py and
 * PrimalAttention_NLP/fairseq/modules/primal_attention.py.
 */
export class CausalPrimalAttention extends PrimalLayer {
  /** @nocollapse */
  static readonly className: string = 'CausalPrimalAttention';
  readonly dropout: number;
  readonly maskPrefix: boolean;

  constructor(config: CausalPrimalAttentionConfig) {
    super(config, ['dropout', 'maskPrefix'], 'CausalPrimalAttention', { maskOutput: false });
    const { dropout = 0, maskPrefix = false } = config;
    checkRate('CausalPrimalAttention', 'dropout', dropout);
    this.dropout = dropout;
    this.maskPrefix = maskPrefix;
  }

  protected override weightRows(): number {
    return this.headSize;
  }

  protected override project(
    x: tf.Tensor3D,
    mask: tf.Tensor2D | undefined,
    we: tf.Tensor3D,
    wr: tf.Tensor3D,
  ): Projected {
    return {
      tokens: prefixMean(x, this.maskPrefix ? mask : undefined),
      projections: ownProjections(we, wr),
    };
  }

  override call(inputs: tf.Tensor | tf.Tensor[], options: CallOptions): tf.Tensor {
    const output = super.call(inputs, options);
    if (!options.training || this.dropout === 0) return output;
    return tf.tidy(() => dropout(output, this.dropout, nextRandomKey()));
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { dropout, maskPrefix } = this;
    return { ...super.getConfig(), dropout, maskPrefix };
  }
}
tf.serialization.registerClass(CausalPrimalAttention);
