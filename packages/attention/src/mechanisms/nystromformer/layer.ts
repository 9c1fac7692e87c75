import * as tf from '@tensorflow/tfjs';
import { checkCount, checkOneOf, checkTaps } from '../../check.js';
import { torchUniform } from '../../initializers.js';
import type { AttentionConfig, Shape } from '../../layer.js';
import { QkvAttentionLayer } from '../../qkv-layer.js';
import { nystromAttention } from './nystromformer.js';
import { type PseudoInverseStart, pseudoInverseStarts } from './pseudo-inverse.js';

export interface NystromformerAttentionConfig extends AttentionConfig {
  /** m, the number of landmarks. Default 64, as in the official LRA code. */
  landmarks?: number;
  /**
   * k: adds a convolution of the values over k tokens, one kernel per head. An odd number; default: none. The official LRA
   * settings have 35.
   */
  convolution?: number;
  /** What the start of the pseudo-inverse is scaled by. Default `batch`, as in the official code. */
  start?: PseudoInverseStart;
}

/**
 * o_i = W_o [heads: (softmax(Q K~^T) softmax(Q~ K~^T)^+ softmax(Q~ K^T) V + w * V)_i], Q = W_q X, K = W_k X, V = W_v X, with m
 * segment means Q~ and K~.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]. Weights
 * as `QkvAttentionLayer` has them, and with `convolution` the kernels `convolution/kernel` [H, k], U(+-1/sqrt k), as torch's.
 *
 * With the default start a sample's output depends on its batch mates (a little: the iteration converges from either start);
 * `start: 'perHead'` mends it. See {@link nystromAttention} for the mask, the source, and how ours differs from the official
 * code.
 */
export class NystromformerAttention extends QkvAttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'NystromformerAttention';
  readonly landmarks: number;
  readonly convolution: number | undefined;
  readonly start: PseudoInverseStart;
  #kernel: tf.LayerVariable | undefined;

  constructor(config: NystromformerAttentionConfig) {
    super(config, ['landmarks', 'convolution', 'start'], 'NystromformerAttention');
    const { landmarks = 64, convolution, start = 'batch' } = config;
    checkCount('NystromformerAttention', 'landmarks', landmarks);
    checkTaps('NystromformerAttention', 'convolution', convolution);
    checkOneOf('NystromformerAttention', 'start', start, pseudoInverseStarts);
    this.landmarks = landmarks;
    this.convolution = convolution;
    this.start = start;
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
    const { landmarks, start } = this;
    const kernel = this.#kernel?.read() as tf.Tensor2D | undefined;
    return nystromAttention(q, k, v, { landmarks, mask, kernel, start });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { landmarks, convolution, start } = this;
    return { ...super.getConfig(), landmarks, ...(convolution !== undefined && { convolution }), start };
  }
}
tf.serialization.registerClass(NystromformerAttention);
