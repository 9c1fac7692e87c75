import * as tf from '@tensorflow/tfjs';
import type { HostValues } from './compare.js';

/**
 * A scalar and its gradient in each of the tensors named, which may be none of a tensor that does not enter it.
 *
 * @param loss called once with variables of the given names and values; what is int32 is passed as it is
 * @param given by the names that the gradients are to have: `in.q`, `param.E`
 */
export function lossAndGradients(
  loss: (at: Record<string, tf.Tensor>) => tf.Tensor,
  given: Readonly<Record<string, tf.Tensor>>,
): { loss: tf.Scalar; gradients: Record<string, tf.Tensor | undefined> } {
  const floats = Object.entries(given).filter(([, tensor]) => tensor.dtype === 'float32');
  const variables = floats.map(([name, tensor]) => [name, tf.variable(tensor)] as const);
  const at = { ...given, ...Object.fromEntries(variables) } as Record<string, tf.Tensor>;
  const { value, grads } = tf.variableGrads(
    () => loss(at) as tf.Scalar,
    variables.map(([, variable]) => variable),
  );
  const gradients = Object.fromEntries(variables.map(([name, variable]) => [name, grads[variable.name]]));
  for (const [, variable] of variables) variable.dispose();
  return { loss: value, gradients };
}

/**
 * sum(output * w), the loss of most cases, in double precision.
 *
 * Thousands of float32 terms, added one after the other as some backends do, would round by as much as the tolerance of a
 * small loss; torch adds them in pairs.
 */
export function weightedSum(output: tf.Tensor, w: tf.Tensor): HostValues {
  const [values, weights] = [output.dataSync(), w.dataSync()];
  let sum = 0;
  for (let i = 0; i < values.length; i++) sum += values[i] * weights[i];
  return { shape: [], data: [sum] };
}

/**
 * Outputs, `loss` = sum(output * w) and its gradients as `grad.NAME`, in the form of a golden file: what most checks return.
 *
 * @param forward from `in.*` and `param.*` to the outputs by name, of which `output` enters the loss
 * @param given the `in.*` and `param.*` tensors
 * @param w the weights of the loss
 */
export function outputsAndGradients(
  forward: (at: Record<string, tf.Tensor>) => { output: tf.Tensor } & Record<string, tf.Tensor>,
  given: Readonly<Record<string, tf.Tensor>>,
  w: tf.Tensor,
): Record<string, tf.Tensor | HostValues | undefined> {
  const outputs = tf.tidy(() => forward({ ...given }));
  const { gradients } = lossAndGradients((at) => tf.tidy(() => tf.sum(tf.mul(forward(at).output, w))), given);
  return {
    ...Object.fromEntries(Object.entries(outputs).map(([name, tensor]) => [`out.${name}`, tensor])),
    loss: weightedSum(outputs.output, w),
    ...Object.fromEntries(Object.entries(gradients).map(([name, tensor]) => [`grad.${name}`, tensor])),
  };
}
