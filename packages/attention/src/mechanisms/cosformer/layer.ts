import * as tf from '@tensorflow/tfjs';
import { checkCount, checkPositive } from '../../check.js';
import type { AttentionConfig } from '../../layer.js';
import { QkvAttentionLayer } from '../../qkv-layer.js';
import { cosformerAttention } from './cosformer.js';

export interface CosformerAttentionConfig extends AttentionConfig {
  /** Each token attends to those up to itself. Default false. */
  causal?: boolean;
  /** m, at least N. Default N, whatever it is in a call, as in the official code. */
  maxLength?: number;
  /** The least denominator. Default 1e-6. */
  epsilon?: number;
}

/**
 * o_i = W_o [heads: sum_j w_ij v_j / max(sum_j w_ij, 1e-6)], w_ij = relu(q_i) . relu(k_j) cos(pi (i - j) / 2m), q = W_q x,
 * k = W_k x, v = W_v x.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]. Weights
 * as {@link QkvAttentionLayer} has them. A fully padded sample gives `output/bias` at every position.
 *
 * See {@link cosformerAttention} for the source, and for how ours differs from the official code.
 */
export class CosformerAttention extends QkvAttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'CosformerAttention';
  readonly causal: boolean;
  readonly maxLength: number | undefined;
  readonly epsilon: number;

  constructor(config: CosformerAttentionConfig) {
    super(config, ['causal', 'maxLength', 'epsilon'], 'CosformerAttention');
    const { causal = false, maxLength, epsilon = 1e-6 } = config;
    if (maxLength !== undefined) checkCount('CosformerAttention', 'maxLength', maxLength);
    checkPositive('CosformerAttention', 'epsilon', epsilon);
    this.causal = causal;
    this.maxLength = maxLength;
    this.epsilon = epsilon;
  }

  protected override attend(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, mask?: tf.Tensor2D): tf.Tensor4D {
    const { causal, maxLength, epsilon } = this;
    return cosformerAttention(q, k, v, { mask, causal, maxLength, epsilon });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { causal, maxLength, epsilon } = this;
    return { ...super.getConfig(), causal, ...(maxLength !== undefined && { maxLength }), epsilon };
  }
}
tf.serialization.registerClass(CosformerAttention);
