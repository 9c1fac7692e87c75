import * as tf from '@tensorflow/tfjs';
import { type Shape, shapeList } from './layer.js';

/** mask_i = 1 where id_i != 0, else 0: ids [B, N] to [B, N], float32. */
export class NonZeroMask extends tf.layers.Layer {
  /** @nocollapse */
  static readonly className: string = 'NonZeroMask';

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const ids = Array.isArray(inputs) ? inputs[0] : inputs;
    return tf.tidy(() => tf.cast(tf.notEqual(ids, 0), 'float32'));
  }
}
tf.serialization.registerClass(NonZeroMask);

/** y_i = mask_i x_i: [x [B, N, d], mask [B, N]] to [B, N, d]. */
export class MaskTokens extends tf.layers.Layer {
  /** @nocollapse */
  static readonly className: string = 'MaskTokens';

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    return shapeList(inputShape)[0];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [x, mask] = inputs as tf.Tensor[];
    return tf.tidy(() => tf.mul(x, tf.expandDims(mask, 2)));
  }
}
tf.serialization.registerClass(MaskTokens);

/**
 * y = 1/N sum_i mask_i x_i: [x [B, N, d], mask [B, N]] to [B, d].
 *
 * The divisor is the number of all positions, padding included, as in the official LRA code; not of the real tokens.
 */
export class MeanTokens extends tf.layers.Layer {
  /** @nocollapse */
  static readonly className: string = 'MeanTokens';

  override computeOutputShape(inputShape: Shape | Shape[]): Shape {
    const [x] = shapeList(inputShape);
    return [x[0], x[2]];
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [x, mask] = inputs as tf.Tensor[];
    return tf.tidy(() => tf.mean(tf.mul(x, tf.expandDims(mask, 2)), 1));
  }
}
tf.serialization.registerClass(MeanTokens);
