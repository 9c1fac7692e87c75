import type * as tf from '@tensorflow/tfjs';

/** A built layer's variables by the names that the layer gave them: `query/kernel`. */
export function weightsOf(layer: tf.layers.Layer): Map<string, tf.Variable> {
  return new Map(
    layer.weights.map((weight) => [
      weight.originalName.slice(layer.name.length + 1),
      weight.read() as tf.Tensor as tf.Variable,
    ]),
  );
}
