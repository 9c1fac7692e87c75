import * as tf from '@tensorflow/tfjs';
import { mergeHeads, splitHeads } from './heads.js';
import { AttentionLayer, type CallOptions, type Shape } from './layer.js';

/**
 * o_i = W_o [heads: attend(W_q x, W_k x, W_v x)_i]: a layer of four linear maps around a pure function of queries, keys and
 * values.
 *
 * Weights: `query/kernel`, `key/kernel`, `value/kernel`, `output/kernel` [d, d] and their biases [d], all U(+-1/sqrt d).
 */
export abstract class QkvAttentionLayer extends AttentionLayer {
  /** The mechanism itself: q, k, v [H, B, N, p] and a mask [B, N] to [H, B, N, p]. */
  protected abstract attend(
    q: tf.Tensor4D,
    k: tf.Tensor4D,
    v: tf.Tensor4D,
    mask: tf.Tensor2D | undefined,
    options: CallOptions,
  ): tf.Tensor4D;

  override build(inputShape: Shape | Shape[]): void {
    super.build(inputShape);
    for (const name of ['query', 'key', 'value', 'output'])
      this.addLinear(name, this.features, this.features);
  }

  override call(inputs: tf.Tensor | tf.Tensor[], options: CallOptions = {}): tf.Tensor {
    return tf.tidy(() => {
      const { x, mask } = this.inputs(inputs);
      const [q, k, v] = ['query', 'key', 'value'].map(
        (name) => splitHeads(this.linear(name, x), this.heads), // [H, B, N, p]
      );
      return this.linear('output', mergeHeads(this.attend(q, k, v, mask, options))); // [B, N, d]
    });
  }
}
