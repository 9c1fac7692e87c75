import * as tf from '@tensorflow/tfjs';
import { expectClose } from './compare.js';

/** A model that is compiled, with data to train it on; made anew on each backend. */
export interface Trainable {
  model: tf.LayersModel;
  x: tf.Tensor | tf.Tensor[];
  y: tf.Tensor | tf.Tensor[];
}

type Outcome = Parameters<typeof expectClose>[0][number];

/** Numbers that are the same on every backend and in every run. */
export function numbers(shape: number[], seed: number, scale = 1): tf.Tensor {
  return tf.randomNormal(shape, 0, scale, 'float32', seed);
}

/** Class indices 0 to `classes` - 1 in turn, [count, 1]. */
export function classIndices(count: number, classes: number): tf.Tensor2D {
  return tf.tensor2d(
    Array.from({ length: count }, (_, i) => i % classes),
    [count, 1],
  );
}

/** One-hot rows, [count, classes]. */
export function oneHotRows(count: number, classes: number): tf.Tensor2D {
  return tf.tidy(() =>
    tf.oneHot(classIndices(count, classes).cast('int32').flatten(), classes).cast('float32'),
  );
}

/**
 * Trains the model on `xla` and on tfjs's `cpu` backend and expects the same losses, metrics, weights, evaluation and
 * predictions, within `tolerance` of the largest value of each.
 */
export async function expectSameTraining(make: () => Trainable, tolerance: number): Promise<void> {
  const expected = await train('cpu', make);
  expectClose(await train('xla', make), expected, tolerance);
}

async function train(backend: 'xla' | 'cpu', make: () => Trainable): Promise<Outcome[]> {
  const before = tf.getBackend();
  tf.setBackend(backend);
  const results: Outcome[] = [];
  const note = (values: ArrayLike<number>, shape: number[] = [values.length]) =>
    results.push({ shape, dtype: 'float32', values: Array.from(values) });
  const noteTensors = (tensors: tf.Tensor | tf.Tensor[]) => {
    for (const tensor of [tensors].flat()) note(tensor.dataSync(), tensor.shape);
  };
  try {
    const { model, x, y } = make();
    // Initial weights are drawn without a seed. Those of rank 1, such as biases, begin as constants.
    model.setWeights(
      model.getWeights().map((weight, i) => (weight.rank > 1 ? numbers(weight.shape, i + 1, 0.4) : weight)),
    );
    const { history } = await model.fit(x, y, { epochs: 3, batchSize: 8, shuffle: false, verbose: 0 });
    for (const name of Object.keys(history)) note(history[name] as number[]);
    noteTensors(model.getWeights());
    noteTensors(model.evaluate(x, y, { batchSize: 8 }));
    noteTensors(model.predict(x, { batchSize: 8 }));
    return results;
  } finally {
    tf.setBackend(before);
    tf.disposeVariables();
  }
}
