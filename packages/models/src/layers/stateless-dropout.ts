import { type DropoutDraw, dropout, dropoutDraws, nextRandomKey } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import type { CallOptions, LayerConfig } from './layer.js';

/**
 * Inverted dropout in training: each element is 0 with probability `rate`, else x / (1 - rate).
 *
 * Unlike tf.layers.dropout, whose mask is drawn on the host and would be frozen inside `jit`, it draws its key with
 * `nextRandomKey`: wrap the training step in `withRandomKey(key, …)`.
 */
export class StatelessDropout extends tf.layers.Layer {
  /** @nocollapse */
  static readonly className: string = 'StatelessDropout';
  readonly rate: number;
  readonly draw: DropoutDraw;

  /** @param config.draw how masks are drawn, as of `dropout` of the runtime; default `elements` */
  constructor(config: LayerConfig & { rate: number; draw?: DropoutDraw }) {
    super(config);
    if (!(config.rate >= 0 && config.rate < 1)) {
      throw new Error(`StatelessDropout: rate must be in [0, 1), got ${config.rate}`);
    }
    this.rate = config.rate;
    this.draw = config.draw ?? 'elements';
    if (!dropoutDraws.includes(this.draw)) {
      throw new Error(`StatelessDropout: draw must be one of ${dropoutDraws.join(', ')}, got ${config.draw}`);
    }
  }

  override call(inputs: tf.Tensor | tf.Tensor[], { training = false }: CallOptions): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    if (!training || this.rate === 0) return x;
    return tf.tidy(() => dropout(x, this.rate, nextRandomKey(), { draw: this.draw }));
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), rate: this.rate, draw: this.draw };
  }
}
tf.serialization.registerClass(StatelessDropout);
