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
 * Done as one gather over B N rows, whose gradient is one sum into rows; a gather along the second axis would transpose
 * the sequence twice in its gradient.
 */
export function takeRows(x: tf.Tensor3D, positions: Int32Array): tf.Tensor3D {
  const [batch, length, size] = x.shape;
  const count = positions.length;
  if (count === length && positions.every((position, i) => position === i)) return x;
  return tf.tidy(() => {
    const rows = new Int32Array(batch * count);
    for (let b = 0; b < batch; b++) {
      for (let i = 0; i < count; i++) rows[b * count + i] = b * length + positions[i];
    }
    const flat = tf.gather(tf.reshape(x, [batch * length, size]), tf.tensor1d(rows, 'int32')); // [B n, d]
    return tf.reshape(flat, [batch, count, size]);
  });
}
