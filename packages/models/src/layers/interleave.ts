import * as tf from '@tensorflow/tfjs';
import { type LayerConfig, type Shape, shapeList } from './layer.js';

/**
 * a_1, b_1, a_2, b_2, …: M inputs [B, K, ...] to [B, M K, ...], step by step; sequences [B, K, d] and masks [B, K] alike.
 */
export class Interleave extends tf.layers.Layer {
  /** @nocollapse */
  static readonly className: string = 'Interleave';

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const shapes = shapeList(inputShape);
    const [batch, steps, ...rest] = shapes[0];
    return [batch, steps === null ? null : steps * shapes.length, ...rest];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const list = Array.isArray(inputs) ? inputs : [inputs];
    const [batch, steps, ...rest] = list[0].shape;
    return tf.tidy(() => {
      const stacked = tf.stack(list, 2); // [B, K, M, ...]
      return tf.reshape(stacked, [batch, steps * list.length, ...rest]); // [B, M K, ...]
    });
  }
}
tf.serialization.registerClass(Interleave);

/** One input of {@link Interleave} back: [B, M K, d] to the tokens `index`, `index` + M, … [B, K, d]. */
export class TakeInterleaved extends tf.layers.Layer {
  /** @nocollapse */
  static readonly className: string = 'TakeInterleaved';
  /** M. */
  readonly count: number;
  /** 0 .. M - 1. */
  readonly index: number;

  constructor(config: LayerConfig & { count: number; index: number }) {
    super(config);
    const { count, index } = config;
    if (!Number.isSafeInteger(count) || !Number.isSafeInteger(index) || index < 0 || index >= count) {
      throw new Error(`TakeInterleaved: index must be an integer in 0..count - 1, got ${index} of ${count}`);
    }
    this.count = count;
    this.index = index;
  }

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [batch, tokens, size] = shapeList(inputShape)[0];
    return [batch, tokens === null ? null : tokens / this.count, size];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const x = Array.isArray(inputs) ? inputs[0] : inputs;
    const [batch, tokens, size] = x.shape;
    if (tokens % this.count !== 0) {
      throw new Error(`TakeInterleaved: ${tokens} tokens are not ${this.count} for each step`);
    }
    const steps = tokens / this.count;
    return tf.tidy(() => {
      const apart = tf.reshape(x, [batch, steps, this.count * size]); // [B, K, M d]
      return tf.slice(apart, [0, 0, this.index * size], [batch, steps, size]); // [B, K, d]
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    const { count, index } = this;
    return { ...super.getConfig(), count, index };
  }
}
tf.serialization.registerClass(TakeInterleaved);
