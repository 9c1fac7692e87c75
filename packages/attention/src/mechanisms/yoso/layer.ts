import * as tf from '@tensorflow/tfjs';
import { checkCount, checkOneOf } from '../../check.js';
import { mergeHeads, splitHeads } from '../../heads.js';
import { torchUniform } from '../../initializers.js';
import { type AttentionConfig, AttentionLayer, type Shape } from '../../layer.js';
import { type YosoGradient, yosoAttention, yosoGradients } from './yoso.js';

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
 * Weights: `query/kernel`, `key/kernel`, `value/kernel`, `output/kernel` [d, d] and their biases [d], all U(+-1/sqrt d), and
 * with `convolution` the kernels `convolution/kernel` [H, k], U(+-1/sqrt k), as torch's.
 *
 * How ours differs from the official code: there is no sampled version. With `gradient: 'exact'` the weights' derivative is the
 * true one.
 */
export class YosoAttention extends AttentionLayer {
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
    if (convolution !== undefined && !(Number.isSafeInteger(convolution) && convolution % 2 === 1)) {
      throw new Error(`YosoAttention: convolution must be an odd number of tokens, got ${convolution}`);
    }
    this.codeLength = codeLength;
    this.convolution = convolution;
    this.gradient = gradient;
  }

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    for (const name of ['query', 'key', 'value', 'output'])
      this.addLinear(name, this.features, this.features);
    if (this.convolution === undefined) return;
    this.#kernel = this.addWeight(
      'convolution/kernel',
      [this.heads, this.convolution],
      'float32',
      torchUniform(this.convolution, this.seeded('convolution/kernel')),
    );
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const { x, mask } = this.inputs(inputs);
      const [q, k, v] = ['query', 'key', 'value'].map(
        (name) => splitHeads(this.linear(name, x), this.heads), // [H, B, N, p]
      );
      const { codeLength, gradient } = this;
      const kernel = this.#kernel?.read() as tf.Tensor2D | undefined;
      const output = yosoAttention(q, k, v, { codeLength, mask, gradient, kernel });
      return this.linear('output', mergeHeads(output)); // [B, N, d]
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { codeLength, convolution, gradient } = this;
    return { ...super.getConfig(), codeLength, ...(convolution !== undefined && { convolution }), gradient };
  }
}
tf.serialization.registerClass(YosoAttention);
