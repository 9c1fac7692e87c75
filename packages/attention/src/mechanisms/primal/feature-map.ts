import * as tf from '@tensorflow/tfjs';

/** torch's default epsilon for unit vectors. */
const smallestNorm = 1e-12;

/**
 * phi(z) = z / max(||z||_2, 1e-12) over the last axis, the feature map of every experiment in the paper (section 4.2).
 *
 * Shapes: [..., p] to [..., p]. The zero vector maps to itself, with gradient dy * 1e12, as in torch.
 *
 * Computed as z / sqrt(max(||z||^2, 1e-24)), since the gradient of a norm would be NaN at zero.
 */
export function cosineFeatureMap<T extends tf.Tensor>(z: T): T {
  return tf.tidy(() => {
    const squaredNorm = tf.sum(tf.square(z), -1, true); // [..., 1]
    return tf.mul(z, tf.rsqrt(tf.maximum(squaredNorm, smallestNorm ** 2))) as T;
  });
}
