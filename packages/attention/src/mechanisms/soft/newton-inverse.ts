import { autocast, scan, withMatmulPrecision } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';

/** Added to the diagonal, so that landmarks that are alike leave the matrix invertible. */
const ridge = 0.01;

/**
 * Z ~ P^-1 with P = K + 0.01 I, by Z <- 2 Z - Z P Z from Z = 1.8 P / (max_i sum_j K_ij)^2, for each head and sample by itself.
 *
 * Shapes: K [H, B, m, m], symmetric with no negative entry, to the same. The gradient takes Z for the exact inverse:
 * dK = -Z^T dZ Z^T. Products are in float32, whatever precision is set around: with fewer bits there is no inverse.
 *
 * Source: Lu et al. 2021; fudan-zvg/SOFT, SOFT/kernel/inverse.py.
 */
export function newtonInverse(kernel: tf.Tensor4D, iterations: number): tf.Tensor4D {
  const precisely = (fn: () => tf.Tensor): tf.Tensor =>
    withMatmulPrecision('float32', () => autocast('float32', fn));
  const inverse = tf.customGrad((...inputs) => {
    const [k, save] = inputs as unknown as [tf.Tensor4D, tf.GradSaveFunc];
    const z = precisely(() => newton(k, iterations));
    save([z]);
    return {
      value: z,
      gradFunc: (dz: tf.Tensor, [saved]: tf.Tensor[]) =>
        precisely(() => tf.neg(tf.matMul(tf.matMul(saved, dz, true), saved, false, true))),
    };
  });
  return inverse(kernel) as tf.Tensor4D;
}

function newton(k: tf.Tensor4D, iterations: number): tf.Tensor4D {
  return tf.tidy(() => {
    const p = tf.add(k, tf.mul(tf.eye(k.shape[3]), ridge));
    const largest = tf.max(tf.sum(k, 3, true), 2, true); // [H, B, 1, 1]
    const start = tf.mul(p, tf.div(0.9 * 2, tf.square(largest))) as tf.Tensor4D;
    // A loop of the program, not twenty steps written out: with a single landmark these are no products of matrices, and a
    // compiler that merges them computes each z anew for each of its uses, 3^20 times.
    const step = (z: tf.Tensor4D): [tf.Tensor4D, null] => [
      tf.sub(tf.mul(z, 2), tf.matMul(tf.matMul(z, p), z)),
      null,
    ];
    return scan(step, start, null, { length: iterations })[0];
  });
}
