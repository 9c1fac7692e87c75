import * as tf from '@tensorflow/tfjs';
import { checkPositive } from '../../check.js';
import type { AttentionConfig } from '../../layer.js';
import { QkvAttentionLayer } from '../../qkv-layer.js';
import { linearAttention } from './linear.js';

export interface LinearAttentionConfig extends AttentionConfig {
  /** Each token attends to those up to itself. Default false. */
  causal?: boolean;
  /** False: the form of the official LRA code, without a denominator; it has no causal form. Default true. */
  normalise?: boolean;
  /** Added to the denominator. Default 1e-6. */
  epsilon?: number;
}

/**
 * o_i = W_o [heads: sum_j phi(q_i) . phi(k_j) v_j / (sum_j phi(q_i) . phi(k_j) + 1e-6)], phi = elu + 1, q = W_q x,
 * k = W_k x, v = W_v x.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]. Weights
 * as {@link QkvAttentionLayer} has them. A fully padded sample gives `output/bias` at every position.
 *
 * See {@link linearAttention} for the source, and for how ours differs from the official code.
 */
export class LinearAttention extends QkvAttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'LinearAttention';
  readonly causal: boolean;
  readonly normalise: boolean;
  readonly epsilon: number;

  constructor(config: LinearAttentionConfig) {
    super(config, ['causal', 'normalise', 'epsilon'], 'LinearAttention');
    const { causal = false, normalise = true, epsilon = 1e-6 } = config;
    if (causal && !normalise)
      throw new Error('LinearAttention: causal: true needs normalise: true; the other form is not causal');
    checkPositive('LinearAttention', 'epsilon', epsilon);
    this.causal = causal;
    this.normalise = normalise;
    this.epsilon = epsilon;
  }

  protected override attend(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, mask?: tf.Tensor2D): tf.Tensor4D {
    const { causal, normalise, epsilon } = this;
    return linearAttention(q, k, v, { mask, causal, normalise, epsilon });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { causal, normalise, epsilon } = this;
    return { ...super.getConfig(), causal, normalise, epsilon };
  }
}
tf.serialization.registerClass(LinearAttention);
