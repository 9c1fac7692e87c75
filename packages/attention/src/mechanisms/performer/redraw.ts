import { type RandomKey, randomNormal, scan, split } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';

/** Enough for a singular value a million times smaller than the largest: each step makes a small one 1.5 times as large. */
const steps = 36;

/**
 * Random vectors as the initializer `OrthogonalFeatures` draws them, on the device and from a key: [m, p].
 *
 * Blocks of p rows are the orthogonal factors of the polar decompositions of Gaussian matrices, which are as uniformly
 * distributed as those of their QR decompositions. They are found by X <- 3/2 X - 1/2 X X^T X (Newton and Schulz): all blocks
 * at once, in matrix products alone.
 */
export function orthogonalFeatures(count: number, size: number, key: RandomKey): tf.Tensor2D {
  const blocks = Math.ceil(count / size);
  return tf.tidy(() => {
    const [directions, lengths] = split(key, 2);
    const gaussian = randomNormal(directions, [blocks, size, size]) as tf.Tensor3D;
    // The iteration needs singular values below sqrt(3); none is above the Frobenius norm.
    const start = tf.div(gaussian, tf.sqrt(tf.sum(tf.square(gaussian), [1, 2], true))) as tf.Tensor3D;
    const step = (x: tf.Tensor3D): [tf.Tensor3D, null] => {
      const product = tf.matMul(tf.matMul(x, x, false, true), x); // X X^T X
      return [tf.sub(tf.mul(x, 1.5), tf.mul(product, 0.5)), null];
    };
    const [factors] = scan(step, start, null, { length: steps });
    const rows = tf.slice(tf.reshape(factors, [blocks * size, size]), 0, [count, size]);
    const norms = tf.sqrt(tf.sum(tf.square(randomNormal(lengths, [count, size])), 1, true)); // [m, 1]
    return tf.mul(rows, norms) as tf.Tensor2D;
  });
}
