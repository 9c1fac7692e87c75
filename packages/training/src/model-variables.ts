import type * as tf from '@tensorflow/tfjs';
import type { NamedVariables } from './optimizers/moment-optimizer.js';

/**
 * The variables of a `tf.layers` model under the names `<layer>/<weight>`, such as `classifier/kernel`.
 *
 * Give the layers names: tfjs's own, such as `dense_Dense3`, count the layers that this process has made, and a
 * checkpoint of another process would not fit.
 */
export function modelVariables(model: tf.LayersModel): NamedVariables {
  const variables: NamedVariables = {};
  for (const weight of model.weights) {
    const name = weight.originalName;
    if (Object.hasOwn(variables, name)) {
      throw new Error(
        `modelVariables: two weights of ${model.name} are named '${name}'; give their layers different names`,
      );
    }
    // A LayerVariable reads as its variable, whatever the declared type.
    variables[name] = weight.read() as tf.Variable;
  }
  return variables;
}
