import { RandomStream } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';

/** Standard normal numbers that follow from the seed. */
export function randomTensor(shape: number[], seed: number): tf.Tensor {
  const stream = new RandomStream(seed, 'test');
  return tf.tensor(
    Float32Array.from({ length: tf.util.sizeFromShape(shape) }, () => stream.normal()),
    shape,
  );
}
