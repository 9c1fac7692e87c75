import * as tf from '@tensorflow/tfjs';

/** [B, H, N, p], as golden files have it, to our [H, B, N, p]; its own inverse. */
export function headsFirst(x: tf.Tensor): tf.Tensor4D {
  return tf.transpose(x as tf.Tensor4D, [1, 0, 2, 3]);
}

/** The same tensors under `PREFIX.NAME`. */
export function prefixed(prefix: string, tensors: Record<string, tf.Tensor>): Record<string, tf.Tensor> {
  return Object.fromEntries(Object.entries(tensors).map(([name, tensor]) => [`${prefix}.${name}`, tensor]));
}

/** torch's weight of a convolution along the sequence, [H, 1, k, 1], to our kernel [H, k]; none where there is none. */
export function sequenceKernel(weight: tf.Tensor | undefined): tf.Tensor2D | undefined {
  return weight && tf.reshape(weight as tf.Tensor4D, [weight.shape[0], weight.shape[2] as number]);
}
