import * as tf from '@tensorflow/tfjs';

/** As many as the official code makes. */
const iterations = 6;

/**
 * What the iteration's start is divided by: the largest column sum of each head and sample (`perHead`), or of all heads and
 * samples of the batch (`batch`), as in the official code, where a sample's result so depends on its batch mates.
 */
export type PseudoInverseStart = 'batch' | 'perHead';
export const pseudoInverseStarts: readonly PseudoInverseStart[] = ['batch', 'perHead'];

/**
 * Z ~ A^+, by six steps of Z <- Z / 4 (13 I - A Z (15 I - A Z (7 I - A Z))) from Z = A^T / max_c sum_r A_rc.
 *
 * Shapes: A [H, B, m, m] to the same, rows of A being distributions (so that its largest row sum is 1). Gradients go through
 * all steps, the start too.
 *
 * Source: Xiong et al. 2021 (equation 11); mlpen/Nystromformer.
 */
export function pseudoInverse(a: tf.Tensor4D, start: PseudoInverseStart): tf.Tensor4D {
  const size = a.shape[3];
  return tf.tidy(() => {
    const identity = tf.eye(size);
    const sums = tf.sum(a, 2, true); // [H, B, 1, m]
    const largest = start === 'batch' ? tf.max(sums) : tf.max(sums, 3, true); // [] or [H, B, 1, 1]
    let z = tf.div(tf.transpose(a, [0, 1, 3, 2]), largest) as tf.Tensor4D;
    for (let i = 0; i < iterations; i++) {
      const product = tf.matMul(a, z); // A Z
      const inner = tf.sub(tf.mul(identity, 7), product);
      const middle = tf.sub(tf.mul(identity, 15), tf.matMul(product, inner));
      const outer = tf.sub(tf.mul(identity, 13), tf.matMul(product, middle));
      z = tf.matMul(z, tf.mul(outer, 1 / 4)) as tf.Tensor4D;
    }
    return z;
  });
}
