import * as tf from '@tensorflow/tfjs';

/**
 * Clips gradients by their global norm, in the graph.
 *
 *     norm = sqrt(sum over all gradients of sum g^2),   g <- g min(1, maxNorm / (norm + 1e-6))
 *
 * With a norm that is not finite the gradients become NaN or 0, as in PyTorch: the loss shows it at the next step.
 *
 * Source: torch.nn.utils.clip_grad_norm_.
 *
 * @param gradients by variable name; entries without a value (variables that the loss does not depend on) are left out
 * @returns new tensors, and the norm before clipping as a scalar
 */
export function clipByGlobalNorm(
  gradients: Readonly<Record<string, tf.Tensor | null | undefined>>,
  maxNorm: number,
): { gradients: tf.NamedTensorMap; norm: tf.Scalar } {
  if (!(maxNorm > 0)) throw new Error(`clipByGlobalNorm: maxNorm must be above 0, got ${maxNorm}`);
  const present = Object.entries(gradients).filter((entry): entry is [string, tf.Tensor] => entry[1] != null);
  if (present.length === 0) throw new Error('clipByGlobalNorm: there is no gradient to clip');
  return tf.tidy(() => {
    const squares = present.map(([, gradient]) => tf.sum(tf.square(gradient)) as tf.Scalar);
    const norm = tf.sqrt(tf.addN(squares)) as tf.Scalar;
    const scale = tf.minimum(tf.div(maxNorm, tf.add(norm, 1e-6)), 1);
    return {
      gradients: Object.fromEntries(present.map(([name, gradient]) => [name, tf.mul(gradient, scale)])),
      norm,
    };
  });
}
