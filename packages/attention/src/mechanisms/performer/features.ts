import { stopGradient } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { excluded } from '../../excluded.js';

/*
 * The random feature maps of Performer. R [m, p] has the random vectors w_r as rows; z is a query or a key, already scaled.
 * A factor 1 / sqrt(m) of all features is left out everywhere: it cancels between numerator and denominator.
 */

/** Small, and positive: what every feature is at least. */
export const defaultEpsilon = { softmax: 1e-4, relu: 1e-3 } as const;

/** Which kernel the features stand for. */
export type PerformerKernel = keyof typeof defaultEpsilon;
export const performerKernels = Object.keys(defaultEpsilon) as PerformerKernel[];

/** R (s z): z [H, B, N, p], R [m, p] to [H, B, N, m]. */
export function projectOn(z: tf.Tensor4D, projection: tf.Tensor2D, scale: number): tf.Tensor4D {
  const [heads, batch, length, size] = z.shape;
  const rows = tf.reshape(z, [heads * batch * length, size]) as tf.Tensor2D;
  // The scale on m p numbers instead of N p.
  const projected = tf.matMul(rows, tf.mul(projection, scale), false, true); // [H B N, m]
  return tf.reshape(projected, [heads, batch, length, projection.shape[0]]);
}

/** |s z|^2 / 2: [H, B, N, p] to [H, B, N, 1]. */
export function halfSquares(z: tf.Tensor4D, scale: number): tf.Tensor4D {
  return tf.mul(tf.sum(tf.square(z), 3, true), scale ** 2 / 2);
}

/** phi(q) = exp(R q - |q|^2/2 - max_r (R q)_r) + eps, each query with its own maximum, which has no gradient. */
export function softmaxQueryFeatures(
  q: tf.Tensor4D,
  projection: tf.Tensor2D,
  scale: number,
  epsilon: number,
): tf.Tensor4D {
  const projected = projectOn(q, projection, scale); // [H, B, N, m]
  const most = tf.max(stopGradient(projected), 3, true); // [H, B, N, 1]
  return tf.add(tf.exp(tf.sub(projected, tf.add(halfSquares(q, scale), most))), epsilon);
}

/**
 * phi(k) = exp(R k - |k|^2/2 - max_jr (R k_j)_r) + eps, with the maximum over the keys of the same head and sample, which has
 * no gradient.
 *
 * @param mask the keys that the maximum is over; all, without
 */
export function softmaxKeyFeatures(
  k: tf.Tensor4D,
  projection: tf.Tensor2D,
  scale: number,
  epsilon: number,
  mask?: tf.Tensor2D,
): tf.Tensor4D {
  const projected = projectOn(k, projection, scale); // [H, B, N, m]
  const most = tf.max(keyMaxima(projected, mask), 2, true); // [H, B, 1, 1]
  const exponents = tf.sub(projected, tf.add(halfSquares(k, scale), most));
  // A padded key may be above the maximum, whose exponential could overflow. No real one is.
  return tf.add(tf.exp(mask === undefined ? exponents : tf.minimum(exponents, 0)), epsilon);
}

/** max_r (R k_j)_r for each key, without a gradient, far below all others for a padded one: [H, B, N, m] to [H, B, N, 1]. */
export function keyMaxima(projected: tf.Tensor4D, mask?: tf.Tensor2D): tf.Tensor4D {
  const most = tf.max(stopGradient(projected), 3, true) as tf.Tensor4D;
  if (mask === undefined) return most;
  const real = tf.reshape(mask, [1, mask.shape[0], mask.shape[1], 1]); // [1, B, N, 1]
  return tf.sub(tf.mul(most, real), tf.mul(tf.sub(1, real), excluded));
}

/** phi(z) = max(R z, 0) + eps. */
export function reluFeatures(
  z: tf.Tensor4D,
  projection: tf.Tensor2D,
  scale: number,
  epsilon: number,
): tf.Tensor4D {
  return tf.add(tf.relu(projectOn(z, projection, scale)), epsilon);
}
