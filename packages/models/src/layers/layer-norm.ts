import * as tf from '@tensorflow/tfjs';
import { type LayerConfig, type Shape, shapeList } from './layer.js';

/**
 * y = gamma (x - mean) / sqrt(var + epsilon) + beta over the last axis, with the biased variance.
 *
 * Weights `gamma` (ones) and `beta` (zeros), [d]. The epsilon is torch's 1e-5 by default, where tf.layers has 1e-3.
 * tf.layers.layerNormalization computes the same with tiled copies of mean, variance, gamma and beta, and the gradient of a
 * tile is one slice and one sum per repetition.
 */
export class LayerNorm extends tf.layers.Layer {
  /** @nocollapse */
  static readonly className: string = 'LayerNorm';
  readonly epsilon: number;
  #gamma: tf.LayerVariable | undefined;
  #beta: tf.LayerVariable | undefined;

  constructor(config: LayerConfig & { epsilon?: number } = {}) {
    super(config);
    this.epsilon = config.epsilon ?? 1e-5;
  }

  override build(inputShape: Shape | Shape[]): void {
    const features = shapeList(inputShape)[0].at(-1) as number;
    this.#gamma = this.addWeight('gamma', [features], 'float32', tf.initializers.ones());
    this.#beta = this.addWeight('beta', [features], 'float32', tf.initializers.zeros());
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = Array.isArray(inputs) ? inputs[0] : inputs;
      const centred = tf.sub(x, tf.mean(x, -1, true));
      const variance = tf.mean(tf.square(centred), -1, true); // [..., 1]
      const normal = tf.mul(centred, tf.rsqrt(tf.add(variance, this.epsilon)));
      return tf.add(tf.mul(normal, this.#gamma?.read() as tf.Tensor), this.#beta?.read() as tf.Tensor);
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), epsilon: this.epsilon };
  }
}
tf.serialization.registerClass(LayerNorm);
