import * as tf from '@tensorflow/tfjs';

/** Whether the backend in use has a kernel: abilities that tfjs does not know are kernels of other names. */
export function hasKernel(name: string): boolean {
  return tf.getKernel(name, tf.getBackend()) != null;
}

/** Runs a kernel whose result is a list of tensors. @param inputs by name, or as a list */
export function runListKernel(
  name: string,
  inputs: Readonly<Record<string, tf.Tensor>> | readonly tf.Tensor[],
  attributes: object = {},
): tf.Tensor[] {
  return tf
    .engine()
    .runKernel(name, inputs as tf.NamedTensorMap, attributes as tf.NamedAttrMap) as tf.Tensor[];
}
