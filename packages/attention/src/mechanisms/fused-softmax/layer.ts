import { nextRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { checkCount } from '../../check.js';
import { mergeHeads, splitHeads } from '../../heads.js';
import { type AttentionConfig, AttentionLayer, type CallOptions, type Shape } from '../../layer.js';
import { blockwiseAttention } from './blockwise.js';

export interface FusedSoftmaxAttentionConfig extends AttentionConfig {
  /** A token sees no later one. Default false. */
  causal?: boolean;
  /** Rate of dropout on the attention weights in training. Default 0. */
  dropout?: number;
  /** The number of keys that are looked at together. Default 128. */
  blockLength?: number;
}

/**
 * o_i = W_o [heads: sum_j softmax_j(q_i . k_j / sqrt(p)) v_j], q = W_q x, k = W_k x, v = W_v x: `SoftmaxAttention` with its
 * exact mask, in memory that grows with B H N instead of B H N^2 ({@link blockwiseAttention}). A model's weights fit both.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d]; a fully
 * padded sample gets `output/bias`. Weights: `query/kernel`, `key/kernel`, `value/kernel`, `output/kernel` [d, d] and their
 * biases [d], all U(+-1/sqrt d), as torch's linear maps. There are no scores to listen to.
 *
 * Dropout draws its key with `nextRandomKey`: wrap the training step in `withRandomKey`. Its masks are others than those of
 * `SoftmaxAttention` with the same key.
 */
export class FusedSoftmaxAttention extends AttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'FusedSoftmaxAttention';
  readonly causal: boolean;
  readonly dropout: number;
  readonly blockLength: number;

  constructor(config: FusedSoftmaxAttentionConfig) {
    super(config, ['causal', 'dropout', 'blockLength'], 'FusedSoftmaxAttention');
    const { causal = false, dropout = 0, blockLength = 128 } = config;
    if (!(dropout >= 0 && dropout < 1)) {
      throw new Error(`FusedSoftmaxAttention: dropout must be in [0, 1), got ${dropout}`);
    }
    checkCount('FusedSoftmaxAttention', 'blockLength', blockLength);
    this.causal = causal;
    this.dropout = dropout;
    this.blockLength = blockLength;
  }

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    for (const name of ['query', 'key', 'value', 'output'])
      this.addLinear(name, this.features, this.features);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training = false }: CallOptions): tf.Tensor {
    return tf.tidy(() => {
      const { x, mask } = this.inputs(inputs);
      const [q, k, v] = ['query', 'key', 'value'].map(
        (name) => splitHeads(this.linear(name, x), this.heads), // [H, B, N, p]
      );
      const { causal, blockLength } = this;
      const dropout = training && this.dropout > 0 ? { rate: this.dropout, key: nextRandomKey() } : undefined;
      const output = blockwiseAttention(q, k, v, { mask, causal, dropout, blockLength });
      return this.linear('output', mergeHeads(output)); // [B, N, d]
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { causal, dropout, blockLength } = this;
    return { ...super.getConfig(), causal, dropout, blockLength };
  }
}
tf.serialization.registerClass(FusedSoftmaxAttention);
