import { tileCall } from '@primal-attention/runtime';
import { type RowLayout, type RowPlace, sumRowsProgram, writtenOnce } from '@primal-attention/tile';
import * as tf from '@tensorflow/tfjs';

/**
 * The arrays of which each of a kernel's programs wrote a part, in a row of its own: by another kernel, since XLA would copy each
 * array out of a sum of whole rows.
 *
 * @param rows [programs, size]
 */
export function sumRows<Name extends string>(
  rows: tf.Tensor,
  layout: RowLayout<Name>,
): Record<Name, tf.Tensor> {
  const program = writtenOnce('sumRows', { rows: rows.shape[0], layout }, sumRowsProgram);
  const sums = tileCall(program, [rows], { plain: (rows) => plain(rows, layout) });
  return Object.fromEntries(Object.keys(layout.places).map((name, i) => [name, sums[i]])) as Record<
    Name,
    tf.Tensor
  >;
}

/** The same from operations of tfjs. */
function plain(rows: tf.Tensor, { places }: RowLayout): tf.Tensor[] {
  const sums = tf.sum(rows, 0);
  return Object.values<RowPlace>(places).map(({ offset, shape }) => {
    const size = shape.reduce((product, n) => product * n, 1);
    return tf.reshape(tf.slice(sums, offset, size), [...shape]);
  });
}
