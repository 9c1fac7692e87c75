import * as tf from '@tensorflow/tfjs';

/**
 * The feature maps that a layer can have; p features of p.
 *
 * - `cosine`: {@link cosineFeatureMap}, that of every experiment in the paper
 * - `positive-random`: {@link positiveRandomFeatures} of z / p^(1/4), whose kernel approximates exp(q . k / sqrt p), that of
 *   softmax attention; the paper describes it and does not use it
 */
export type FeatureMapName = 'cosine' | 'positive-random';
export const featureMapNames: readonly FeatureMapName[] = ['cosine', 'positive-random'];

/** phi over the last axis: [..., p] to [..., p]. */
export type FeatureMap = <T extends tf.Tensor>(z: T) => T;

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

/**
 * phi(z) = m^(-1/2) exp(-||z||^2 / 2) [exp(w_1 . z), ..., exp(w_m . z)] over the last axis.
 *
 * With w_c drawn from N(0, I), phi(q) . phi(k) has the mean exp(q . k): a positive, random estimate of the softmax kernel.
 * Shapes: z [..., p] and the w_c as columns [p, m], to [..., m].
 *
 * Computed as exp(w . z - ||z||^2 / 2), which is at most exp(||w||^2 / 2) and goes to 0 for large z: nothing is subtracted for
 * the sake of its range, as Performer must, and tokens stay independent of each other.
 *
 * How ours differs from the paper: m^(-1/2) is there, so that the kernel's scale does not grow with m. The paper's normaliser
 * D^(-1/2) on both sides, which takes all N tokens, is not: scores here have no denominator.
 */
export function positiveRandomFeatures<T extends tf.Tensor>(z: T, projection: tf.Tensor2D): T {
  const [size, count] = projection.shape;
  if (z.shape.at(-1) !== size) {
    throw new Error(
      `positiveRandomFeatures: z [${z.shape}] needs a projection [${z.shape.at(-1)}, m], got [${projection.shape}]`,
    );
  }
  return tf.tidy(() => {
    const rows = tf.reshape(z, [z.size / size, size]) as tf.Tensor2D;
    const halfSquare = tf.mul(tf.sum(tf.square(rows), 1, true), 0.5); // [.., 1]
    const exponents = tf.sub(tf.matMul(rows, projection), halfSquare); // [.., m]
    const features = tf.mul(tf.exp(exponents), 1 / Math.sqrt(count));
    return tf.reshape(features, [...z.shape.slice(0, -1), count]) as T;
  });
}
