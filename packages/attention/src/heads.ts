import * as tf from '@tensorflow/tfjs';

/**
 * Cuts the feature axis into heads and puts the heads first: [B, N, H p] to [H, B, N, p]; head h has the features
 * h p .. (h+1) p - 1.
 *
 * Heads come first throughout this package, because weights of a head (W_e: [H, n, s]) have no batch axis: one batched
 * product over the heads then needs no copy of them per sample.
 */
export function splitHeads(x: tf.Tensor3D, heads: number): tf.Tensor4D {
  const [batch, length, size] = x.shape;
  if (size % heads !== 0) throw new Error(`splitHeads: ${size} features do not divide into ${heads} heads`);
  return tf.tidy(() => {
    const split = tf.reshape(x, [batch, length, heads, size / heads]); // [B, N, H, p]
    return tf.transpose(split as tf.Tensor4D, [2, 0, 1, 3]); // [H, B, N, p]
  });
}

/** The inverse of {@link splitHeads}: [H, B, N, p] to [B, N, H p]. */
export function mergeHeads(x: tf.Tensor4D): tf.Tensor3D {
  const [heads, batch, length, size] = x.shape;
  return tf.tidy(() => {
    const split = tf.transpose(x, [1, 2, 0, 3]); // [B, N, H, p]
    return tf.reshape(split, [batch, length, heads * size]); // [B, N, H p]
  });
}

/** x W + b over the last axis: x [..., i], W [i, o], b [o] to [..., o]. */
export function linear<T extends tf.Tensor>(x: T, kernel: tf.Tensor2D, bias: tf.Tensor1D): T {
  const [inputs, outputs] = kernel.shape;
  return tf.tidy(() => {
    const rows = tf.reshape(x, [x.size / inputs, inputs]) as tf.Tensor2D;
    const result = tf.add(tf.matMul(rows, kernel), bias);
    return tf.reshape(result, [...x.shape.slice(0, -1), outputs]) as T;
  });
}
