import * as tf from '@tensorflow/tfjs';

/**
 * Sums over the tokens up to each token, for causal attention without N x N or N x p x p arrays.
 *
 * The tokens are cut into chunks of at most 64. Within a chunk everything is done at once; from chunk to chunk only sums
 * over whole chunks are carried. So memory is O(N), and a sum of N numbers goes through 64 + N / 64 roundings instead of N.
 */
const longestChunk = 64;

/** How N tokens are cut: the fewest chunks, of equal length, with less than one token of padding per chunk. */
function chunksOf(length: number): { count: number; size: number } {
  const count = Math.max(1, Math.ceil(length / longestChunk));
  return { count, size: Math.max(1, Math.ceil(length / count)) };
}

/** x [H, B, N, c] to [H B, G, C, c]: G chunks of C tokens, zeros at the end. */
function toChunks(x: tf.Tensor4D): tf.Tensor4D {
  const [heads, batch, length, size] = x.shape;
  const chunks = chunksOf(length);
  const padding = chunks.count * chunks.size - length;
  const whole =
    padding === 0
      ? x
      : tf.pad(x, [
          [0, 0],
          [0, 0],
          [0, padding],
          [0, 0],
        ]);
  return tf.reshape(whole, [heads * batch, chunks.count, chunks.size, size]); // [H B, G, C, c]
}

/** The inverse of {@link toChunks}: [H B, G, C, c] to [H, B, N, c]. */
function fromChunks(x: tf.Tensor4D, [heads, batch, length]: readonly number[]): tf.Tensor4D {
  const [, count, chunk, size] = x.shape;
  const whole = tf.reshape(x, [heads, batch, count * chunk, size]) as tf.Tensor4D; // [H, B, G C, c]
  return count * chunk === length ? whole : tf.slice(whole, [0, 0, 0, 0], [heads, batch, length, size]);
}

/**
 * s_t = sum_{u <= t} x_u along an axis; u < t when exclusive.
 *
 * The gradient is the same sum from the end, written out here since that of `tf.cumsum` is right along the last axis only.
 */
function cumulativeSum<T extends tf.Tensor>(x: T, axis: number, exclusive = false): T {
  const sum = tf.customGrad((...inputs) => ({
    value: tf.cumsum(inputs[0] as T, axis, exclusive),
    gradFunc: (dy: tf.Tensor) => tf.cumsum(dy, axis, exclusive, true),
  }));
  return sum(x) as T;
}

/**
 * s_t = sum_{u <= t} x_u over the tokens.
 *
 * Shapes: x [H, B, N, c] to [H, B, N, c]. A product with a triangular matrix inside each chunk, which is one pass where
 * `tf.cumsum` doubles in six; it rounds its inputs where the precision of products is lowered. Later tokens are multiplied by
 * 0, so that (finite) ones change nothing before them, not even by rounding.
 */
export function prefixSums(x: tf.Tensor4D): tf.Tensor4D {
  return tf.tidy(() => {
    const chunks = toChunks(x);
    const [rows, count, chunk, size] = chunks.shape;
    const triangle = tf.reshape(lowerTriangle(chunk), [1, 1, chunk, chunk]);
    const within = tf.matMul(triangle, chunks) as tf.Tensor4D; // [H B, G, C, c]
    if (count === 1) return fromChunks(within, x.shape);
    // The sums over whole chunks in the same way; none come before the first.
    const totals = tf.slice(within, [0, 0, chunk - 1, 0], [rows, count - 1, 1, size]);
    const upTo = prefixSums(tf.reshape(totals, [1, rows, count - 1, size])); // [1, H B, G - 1, c]
    const before = tf.pad(tf.reshape(upTo, totals.shape), [
      [0, 0],
      [1, 0],
      [0, 0],
      [0, 0],
    ]); // [H B, G, 1, c]
    return fromChunks(tf.add(within, before), x.shape);
  });
}

/**
 * sums_t = sum_{u <= t} (q_t . k_u) v_u and weights_t = sum_{u <= t} q_t . k_u, the causal attention of a kernel with
 * features q and k: sums / weights is its output, up to what each mechanism adds to the denominator.
 *
 * Shapes: q, k [H, B, N, p], v [H, B, N, c] to sums [H, B, N, c] and weights [H, B, N, 1]. What follows t has no influence
 * on the result at t. Time O(N (p c + C (p + c))), memory O(N (C + p c / C)) for chunks of C tokens: the masked C x C
 * products of each chunk, and one p x c state per chunk.
 */
export function causalProduct(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
): { sums: tf.Tensor4D; weights: tf.Tensor4D } {
  return tf.tidy(() => {
    const [queries, keys, values] = [q, k, v].map(toChunks); // [H B, G, C, p or c]
    const { count, size } = chunksOf(q.shape[2]);
    const scores = tf.mul(tf.matMul(queries, keys, false, true), lowerTriangle(size)); // [H B, G, C, C]
    let sums = tf.matMul(scores, values) as tf.Tensor4D; // [H B, G, C, c]
    let weights = tf.sum(scores, 3, true) as tf.Tensor4D; // [H B, G, C, 1]
    if (count > 1) {
      // What all chunks before this one hold: sum of k v^T, and sum of k.
      const states = cumulativeSum(tf.matMul(keys, values, true, false), 1, true); // [H B, G, p, c]
      const keySums = cumulativeSum(tf.sum(keys, 2, true), 1, true); // [H B, G, 1, p]
      sums = tf.add(sums, tf.matMul(queries, states));
      weights = tf.add(weights, tf.matMul(queries, keySums, false, true));
    }
    return { sums: fromChunks(sums, q.shape), weights: fromChunks(weights, q.shape) };
  });
}

/** [n, n], 1 where the column is not after the row. */
function lowerTriangle(n: number): tf.Tensor2D {
  const values = Float32Array.from({ length: n * n }, (_, i) => (i % n <= Math.floor(i / n) ? 1 : 0));
  return tf.tensor2d(values, [n, n]);
}

/** Refuses queries and keys of two lengths, since the causal order of tokens is that of one sequence. */
export function checkCausalLengths(caller: string, q: tf.Tensor4D, k: tf.Tensor4D): void {
  const [queries, keys] = [q.shape[2], k.shape[2]];
  if (queries !== keys) {
    throw new Error(
      `${caller}: causal attention needs as many queries as keys, got ${queries} queries and ${keys} keys`,
    );
  }
}
