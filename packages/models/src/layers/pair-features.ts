import * as tf from '@tensorflow/tfjs';
import { type Shape, shapeList } from './layer.js';

/** [a, b, a * b, a - b], the features of two documents: [a [B, d], b [B, d]] to [B, 4 d]. */
export class PairFeatures extends tf.layers.Layer {
  /** @nocollapse */
  static readonly className: string = 'PairFeatures';

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [batch, size] = shapeList(inputShape)[0];
    return [batch, size === null ? null : 4 * size];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [a, b] = inputs as tf.Tensor[];
    return tf.tidy(() => tf.concat([a, b, tf.mul(a, b), tf.sub(a, b)], 1));
  }
}
tf.serialization.registerClass(PairFeatures);
