import {
  type DropoutDraw,
  dropout,
  dropoutDraws,
  nextRandomKey,
  onAccelerator,
} from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { checkOneOf, checkRate } from '../../check.js';
import { mergeHeads, splitHeads } from '../../heads.js';
import { type AttentionConfig, AttentionLayer, type CallOptions, type Shape } from '../../layer.js';
import { areScoresHeard, emitScores } from '../../scores.js';
import {
  type MaskMode,
  maskModes,
  type SoftmaxAttentionOptions,
  softmaxAttention,
  softmaxAttentionByHead,
} from './softmax.js';

export interface SoftmaxAttentionConfig extends AttentionConfig {
  /** Rate of dropout on the attention matrix in training. Default 0. */
  dropout?: number;
  /** How dropout draws its mask: as of `dropout` of the runtime. Default `elements`. */
  dropoutDraw?: DropoutDraw;
  /** What a mask among the inputs does. Default `exact`; the official LRA code is `additive`, its Decision Transformer `gpt2`. */
  maskMode?: MaskMode;
  /** Keeps tokens from those after them. Default false. */
  causal?: boolean;
}

/** From so many attention weights on (16 MiB), a CPU computes them head by head unless they are heard. */
const manyWeights = 2 ** 22;

/**
 * o_i = W_o [heads: sum_j softmax_j(q_i . k_j / sqrt(p)) v_j], q = W_q x, k = W_k x, v = W_v x: the canonical attention
 * that Primal-Attention is compared with.
 *
 * Takes x [B, N, d], or [x, mask] with a mask [B, N] of ones for real tokens and zeros for padding; gives [B, N, d].
 * Weights: `query/kernel`, `key/kernel`, `value/kernel`, `output/kernel` [d, d] and their biases [d], all U(+-1/sqrt d), as
 * torch's linear maps (see `initialization`). Time and memory grow with B H N^2; on a CPU memory grows with N^2 alone from
 * 2^22 weights on ({@link softmaxAttentionByHead}), unless `onScores` hears them.
 *
 * With `causal`, the sum is over j <= i. With `exact`, a token that no real token is left for, and so every token of a fully
 * padded sample, gets `output/bias`; for `additive` and `gpt2` see {@link MaskMode}.
 *
 * Dropout draws its key with `nextRandomKey`: wrap the training step in `withRandomKey`.
 */
export class SoftmaxAttention extends AttentionLayer {
  /** @nocollapse */
  static readonly className: string = 'SoftmaxAttention';
  readonly dropout: number;
  readonly dropoutDraw: DropoutDraw;
  readonly maskMode: MaskMode;
  readonly causal: boolean;

  constructor(config: SoftmaxAttentionConfig) {
    super(config, ['dropout', 'dropoutDraw', 'maskMode', 'causal'], 'SoftmaxAttention');
    const { dropout = 0, dropoutDraw = 'elements', maskMode = 'exact', causal = false } = config;
    checkRate('SoftmaxAttention', 'dropout', dropout);
    checkOneOf('SoftmaxAttention', 'dropoutDraw', dropoutDraw, dropoutDraws);
    checkOneOf('SoftmaxAttention', 'maskMode', maskMode, maskModes);
    this.dropout = dropout;
    this.dropoutDraw = dropoutDraw;
    this.maskMode = maskMode;
    this.causal = causal;
  }

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    for (const name of ['query', 'key', 'value', 'output'])
      this.addLinear(name, this.features, this.features);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training = false }: CallOptions): tf.Tensor {
    return tf.tidy(() => {
      const { x, mask } = this.inputs(inputs);
      const [queries, keys, values] = ['query', 'key', 'value'].map(
        (name) => splitHeads(this.linear(name, x), this.heads), // [H, B, N, p]
      );
      const drop = training && this.dropout > 0;
      const options: SoftmaxAttentionOptions = {
        mask,
        maskMode: this.maskMode,
        causal: this.causal,
        ...(drop && { transformWeights: (w: tf.Tensor4D) => this.#drop(w) }),
      };
      const [heads, batch, length] = queries.shape;
      if (heads * batch * length ** 2 >= manyWeights && !onAccelerator() && !areScoresHeard(this)) {
        const output = softmaxAttentionByHead(queries, keys, values, options);
        return this.linear('output', mergeHeads(output)); // [B, N, d]
      }
      const { output, weights } = softmaxAttention(queries, keys, values, options);
      emitScores(this, () => ({ queries, keys, values, weights }));
      return this.linear('output', mergeHeads(output)); // [B, N, d]
    });
  }

  #drop(weights: tf.Tensor4D): tf.Tensor4D {
    return dropout(weights, this.dropout, nextRandomKey(), { draw: this.dropoutDraw });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { dropout, dropoutDraw, maskMode, causal } = this;
    return { ...super.getConfig(), dropout, dropoutDraw, maskMode, causal };
  }
}
tf.serialization.registerClass(SoftmaxAttention);
