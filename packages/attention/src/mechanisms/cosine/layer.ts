import * as tf from '@tensorflow/tfjs';
import type { AttentionConfig } from '../../layer.js';
import { QkvAttentionLayer } from '../../qkv-layer.js';
import { cosineAttention } from './cosine.js';

/** The mechanism has no options of its own. */
export type CosineAttentionConfig = AttentionConfig;

/**
 * o_i = W_o [heads: sum_j cos(q_i, k_j) v_j / sqrt(N)], q = W_q x, k = W_k x, v = W_v x.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]. Weights
 * as {@link QkvAttentionLayer} has them. A fully padded sample gives `output/bias` at every position.
 *
 * See {@link cosineAttention} for the source, and for how ours differs from the official code.
 */
export class CosineAttention extends QkvAttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'CosineAttention';

  constructor(config: CosineAttentionConfig) {
    super(config, [], 'CosineAttention');
  }

  protected override attend(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, mask?: tf.Tensor2D): tf.Tensor4D {
    return cosineAttention(q, k, v, { mask });
  }
}
tf.serialization.registerClass(CosineAttention);
