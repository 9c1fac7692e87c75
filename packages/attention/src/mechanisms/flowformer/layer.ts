import * as tf from '@tensorflow/tfjs';
import { checkPositive } from '../../check.js';
import type { AttentionConfig } from '../../layer.js';
import { QkvAttentionLayer } from '../../qkv-layer.js';
import { flowClamp } from './flow.js';
import { flowformerAttention } from './flowformer.js';

export interface FlowformerAttentionConfig extends AttentionConfig {
  /** Each token attends to those up to itself. Default false. */
  causal?: boolean;
  /** The bound of the conserved sources. Default `none` (UEA), and 10 when causal (D4RL); the repository's core has 1, WikiText 5. */
  clamp?: number | 'none';
  /** Added to both factors of each flow. Default 1e-6. */
  epsilon?: number;
}

/**
 * o_i = W_o [heads: Flow-Attention of W_q x, W_k x, W_v x], whose formula {@link flowformerAttention} has.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]. Weights
 * as {@link QkvAttentionLayer} has them. Padded positions get `output/bias`.
 *
 * How ours differs from the official code: no dropout follows the output map; the rest stands at {@link flowformerAttention}.
 */
export class FlowformerAttention extends QkvAttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'FlowformerAttention';
  readonly causal: boolean;
  readonly clamp: number | 'none' | undefined;
  readonly epsilon: number;

  constructor(config: FlowformerAttentionConfig) {
    super(config, ['causal', 'clamp', 'epsilon'], 'FlowformerAttention');
    const { causal = false, clamp, epsilon = 1e-6 } = config;
    flowClamp('FlowformerAttention', clamp, causal);
    checkPositive('FlowformerAttention', 'epsilon', epsilon);
    this.causal = causal;
    this.clamp = clamp;
    this.epsilon = epsilon;
  }

  protected override attend(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, mask?: tf.Tensor2D): tf.Tensor4D {
    const { causal, clamp, epsilon } = this;
    return flowformerAttention(q, k, v, { mask, queryMask: mask, causal, clamp, epsilon });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { causal, clamp, epsilon } = this;
    return { ...super.getConfig(), causal, ...(clamp !== undefined && { clamp }), epsilon };
  }
}
tf.serialization.registerClass(FlowformerAttention);
