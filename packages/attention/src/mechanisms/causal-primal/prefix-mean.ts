import * as tf from '@tensorflow/tfjs';
import { checkShapes } from '../../check.js';
import { prefixSums } from '../../prefix-sums.js';

/**
 * x~_t = sum_{u <= t} m_u x_u / max(sum_{u <= t} m_u, 1), with m = 1 without a mask: the mean of each token and those before
 * it.
 *
 * Shapes: x [B, N, d] and mask [B, N] to [B, N, d]. Before the first real token the mean is 0, with zero gradient.
 *
 * Time and memory grow with N (`prefixSums`). Finite tokens change nothing before them, not even by rounding.
 */
export function prefixMean(x: tf.Tensor3D, mask?: tf.Tensor2D): tf.Tensor3D {
  checkShapes('prefixMean', { x: [x, 'B N d'], ...(mask && { mask: [mask, 'B N'] }) });
  return tf.tidy(() => {
    if (mask === undefined) {
      const length = x.shape[1];
      const weights = Float32Array.from({ length }, (_, t) => 1 / (t + 1));
      return tf.mul(sums(x), tf.tensor3d(weights, [1, length, 1])) as tf.Tensor3D;
    }
    const real = tf.expandDims(mask, 2) as tf.Tensor3D; // [B, N, 1]
    return tf.div(sums(tf.mul(x, real)), tf.maximum(sums(real), 1)) as tf.Tensor3D;
  });
}

/** sum_{u <= t} x_u: [B, N, d] to itself. */
function sums(x: tf.Tensor3D): tf.Tensor3D {
  return tf.reshape(prefixSums(tf.expandDims(x, 0) as tf.Tensor4D), x.shape);
}
