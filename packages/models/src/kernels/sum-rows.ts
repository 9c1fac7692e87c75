import type { RowLayout, RowPlace } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';

/**
 * The arrays of which each of a kernel's programs wrote a part, in a row of its own: one sum over all rows.
 *
 * @param rows [programs, size]
 */
export function sumRows<Name extends string>(
  rows: tf.Tensor,
  { places }: RowLayout<Name>,
): Record<Name, tf.Tensor> {
  const sums = tf.sum(rows, 0);
  const arrays = Object.entries<RowPlace>(places).map(([name, { offset, shape }]) => {
    const size = shape.reduce((product, n) => product * n, 1);
    return [name, tf.reshape(tf.slice(sums, offset, size), [...shape])];
  });
  return Object.fromEntries(arrays) as Record<Name, tf.Tensor>;
}
