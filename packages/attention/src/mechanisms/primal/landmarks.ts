import * as tf from '@tensorflow/tfjs';
import { isCount } from '../../check.js';

/**
 * The positions of the rows of X that make up f(X): about i (N - 1) / (n - 1) for i = 0 .. n-1, an even grid over the
 * sequence from its first token to its last.
 *
 * The numbers are those of `torch.linspace(0, N - 1, n, dtype=int)`: with step = (N - 1) / (n - 1) in double precision,
 * trunc(step i) in the first half and trunc((N - 1) - step (n - 1 - i)) in the second. That is not always
 * floor(i (N - 1) / (n - 1)): rounding makes them differ for some pairs, though for none of the paper.
 *
 * Where n > N, positions repeat. n = 1 gives position 0.
 *
 * How ours differs: the paper says that the rows are "uniformly sampled"; the official code takes this grid, and so do we.
 *
 * @param length N, the number of tokens
 * @param count n, the number of landmarks
 */
export function landmarkPositions(length: number, count: number): Int32Array {
  if (!isCount(length) || !isCount(count)) {
    throw new Error(
      `landmarkPositions: length and count must be positive integers, got length ${length} and count ${count}`,
    );
  }
  const positions = new Int32Array(count);
  if (count === 1) return positions;
  const step = (length - 1) / (count - 1);
  const half = Math.floor(count / 2);
  for (let i = 0; i < count; i++) {
    positions[i] = Math.trunc(i < half ? step * i : length - 1 - step * (count - 1 - i));
  }
  return positions;
}

/**
 * Rows of each sequence at the given positions: [B, N, d] to [B, n, d].
 *
 * Done as one gather over B N rows; one along the second axis would transpose the sequence. Where no position stands twice, the
 * gradient is a gather, too: each of the B N rows looks up whether it was taken. The sum into rows of zeros, which repeated
 * positions need, passes over all rows once more than that, and cannot be part of what is computed next.
 */
export function takeRows(x: tf.Tensor3D, positions: Int32Array): tf.Tensor3D {
  const [batch, length, size] = x.shape;
  const count = positions.length;
  if (count === length && positions.every((position, i) => position === i)) return x;
  const take = (x: tf.Tensor): tf.Tensor3D => {
    const rows = flatRows(batch, length, tf.tensor1d(positions, 'int32'));
    const flat = tf.gather(tf.reshape(x, [batch * length, size]), rows); // [B n, d]
    return tf.reshape(flat, [batch, count, size]);
  };
  if (new Set(positions).size < count) return tf.tidy(() => take(x));
  const takeOnce = tf.customGrad((x) => ({
    value: take(x as tf.Tensor),
    gradFunc: (dy: tf.Tensor) => spreadRows(dy as tf.Tensor3D, positions, length),
  }));
  return tf.tidy(() => takeOnce(x) as tf.Tensor3D);
}

/** The opposite of {@link takeRows} for positions of which none stands twice: [B, n, d] to [B, N, d], 0 in all other rows. */
function spreadRows(rows: tf.Tensor3D, positions: Int32Array, length: number): tf.Tensor3D {
  const [batch, count, size] = rows.shape;
  const numbers = new Int32Array(length);
  const isTaken = new Uint8Array(length);
  for (const [i, position] of positions.entries()) {
    numbers[position] = i;
    isTaken[position] = 1;
  }
  const from = flatRows(batch, count, tf.tensor1d(numbers, 'int32'));
  const spread = tf.reshape(tf.gather(tf.reshape(rows, [batch * count, size]), from), [batch, length, size]);
  const taken = tf.tensor3d(isTaken, [1, length, 1], 'bool');
  return tf.where(taken, spread, tf.zerosLike(spread)) as tf.Tensor3D;
}

/** Numbers of rows of each sequence as numbers among the rows of all sequences, [B k]. @param rows [k] */
function flatRows(batch: number, length: number, rows: tf.Tensor1D): tf.Tensor1D {
  const starts = tf.mul(tf.range(0, batch, 1, 'int32'), tf.scalar(length, 'int32'));
  return tf.reshape(tf.add(tf.expandDims(starts, 1), rows), [batch * rows.size]);
}
