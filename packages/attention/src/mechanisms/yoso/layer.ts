import * as tf from '@tensorflow/tfjs';
import { checkCount, checkOneOf, checkTaps } from '../../check.js';
import { torchUniform } from '../../initializers.js';
import type { AttentionConfig, Shape } from '../../layer.js';
import { QkvAttentionLayer } from '../../qkv-layer.js';
import { type YosoGradient, yosoAttention, yosoGradients } from './yoso.js';

/** Options of {@link YosoAttention}. */
export interface YosoAttentionConfig extends AttentionConfig {
  /** tau, the number of hyperplanes of one hash. Default 9; the paper's long-range settings are 10 to 12. */
  codeLength?: number;
  /** k: adds a convolution of the values over k tokens, one kernel per head. An odd number; default: none. */
  convolution?: number;
  /** Default `surrogate`, which is the official code's. */
  gradient?: YosoGradient;
}

/**
 * o_i = W_o [heads: unit(sum_j (1 - acos(unit(q_i) . unit(k_j)) / pi)^tau v_j) + (w * v)_i], q = W_q x, k = W_k x, v = W_v x:
 * YOSO in expectation ({@link yosoAttention} has the details). Time and memory grow with B H N^2.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]. A padded
 * token gets `output/bias`, but for what a convolution brings it from real neighbours.
 * Weights as {@link QkvAttentionLayer} has them, and with `convolution` the kernels `convolution/kernel` [H, k], U(+-1/sqrt k),
 * as torch's.
 *
 * How ours differs from the official code: there is no sampled version. With `gradient: 'exact'` the weights' derivative is the
 * true one.
 */
export class YosoAttention extends QkvAttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'YosoAttention';
  readonly codeLength: number;
  readonly convolution: number | undefined;
  readonly gradient: YosoGradient;
  #kernel: tf.LayerVariable | undefined;

  constructor(config: YosoAttentionConfig) {
    super(config, ['codeLength', 'convolution', 'gradient'], 'YosoAttention');
    const { codeLength = 9, convolution, gradient = 'surrogate' } = config;
    checkCount('YosoAttention', 'codeLength', codeLength);
    checkOneOf('YosoAttention', 'gradient', gradient, yosoGradients);
    checkTaps('YosoAttention', 'convolution', convolution);
    this.codeLength = codeLength;
    this.convolution = convolution;
    this.gradient = gradient;
  }

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    if (this.convolution === undefined) return;
    this.#kernel = this.addWeight(
      'convolution/kernel',
      [this.heads, this.convolution],
      'float32',
      torchUniform(this.convolution, this.seeded('convolution/kernel')),
    );
  }

  protected override attend(q: tf.Tensor4D, k: tf.Tensor4D, v: tf.Tensor4D, mask?: tf.Tensor2D): tf.Tensor4D {
    const { codeLength, gradient } = this;
    const kernel = this.#kernel?.read() as tf.Tensor2D | undefined;
    return yosoAttention(q, k, v, { codeLength, mask, gradient, kernel });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { codeLength, convolution, gradient } = this;
    return { ...super.getConfig(), codeLength, ...(convolution !== undefined && { convolution }), gradient };
  }
}
tf.serialization.registerClass(YosoAttention);
