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
      return layerNorm(
        x,
        this.#gamma?.read() as tf.Tensor1D,
        this.#beta?.read() as tf.Tensor1D,
        this.epsilon,
      );
    });
  }

  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), epsilon: this.epsilon };
  }
}
tf.serialization.registerClass(LayerNorm);

/**
 * y = gamma n + beta with n = (x - mean) / sqrt(var + epsilon), x [..., d].
 *
 * The gradient is written out, dx = (g - mean(g) - n mean(g n)) / sqrt(var + epsilon) with g = gamma dy: both means come from one pass
 * over the same arrays, where the chain rule, operation by operation, takes three passes that wait for each other.
 */
export function layerNorm(x: tf.Tensor, gamma: tf.Tensor1D, beta: tf.Tensor1D, epsilon: number): tf.Tensor {
  const normalise = tf.customGrad((...inputs) => {
    const [x, gamma, beta] = inputs as tf.Tensor[];
    const save = inputs.at(-1) as unknown as tf.GradSaveFunc;
    const centred = tf.sub(x, tf.mean(x, -1, true));
    const variance = tf.mean(tf.square(centred), -1, true); // [..., 1]
    const scale = tf.rsqrt(tf.add(variance, epsilon)); // [..., 1]
    const normal = tf.mul(centred, scale);
    save([normal, scale, gamma]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
      const [normal, scale, gamma] = saved;
      const rows = x.shape.slice(0, -1).map((_, i) => i);
      const g = tf.mul(dy, gamma);
      const along = tf.mul(normal, tf.mean(tf.mul(g, normal), -1, true));
      const dx = tf.mul(scale, tf.sub(tf.sub(g, tf.mean(g, -1, true)), along));
      return [dx, tf.sum(tf.mul(dy, normal), rows), tf.sum(dy, rows)];
    };
    return { value: tf.add(tf.mul(normal, gamma), beta), gradFunc };
  });
  return normalise(x, gamma, beta);
}
