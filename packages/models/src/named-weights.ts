import { AttentionLayer } from '@primal-attention/attention';
import * as tf from '@tensorflow/tfjs';

/**
 * A model's variables by stable names: `layer0/attention/query/kernel`.
 *
 * The names of the variables themselves will not do as keys of a checkpoint: tfjs makes them unique in the process, so
 * those of a second model end in `_1`. These depend on the model alone.
 *
 * @throws Error when two weights of the model share a name
 */
export function namedWeights(model: tf.LayersModel): Record<string, tf.Variable> {
  const named: Record<string, tf.Variable> = {};
  for (const weight of model.weights) {
    const name = weight.originalName;
    if (Object.hasOwn(named, name)) {
      throw new Error(
        `namedWeights: model '${model.name}' has two weights '${name}'; give its layers different names`,
      );
    }
    // tfjs declares read() as a tensor, but what it returns is the variable.
    const variable = weight.read() as tf.Tensor as tf.Variable;
    named[name] = variable;
  }
  return named;
}

/** A model's attention layers, also those of models inside it, first layer first: for `onScores` and `attachKsvdLoss`. */
export function attentionLayers(model: tf.LayersModel): AttentionLayer[] {
  return model.layers.flatMap((layer) => {
    if (layer instanceof AttentionLayer) return [layer];
    return layer instanceof tf.LayersModel ? attentionLayers(layer) : [];
  });
}
