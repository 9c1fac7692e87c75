import * as tf from '@tensorflow/tfjs';
import { checkShapes } from '../../check.js';

/** Tokens per chunk: the arithmetic of a chunk's product grows with this number, the number of chunks falls with it. */
const chunk = 64;

/**
 * x~_t = sum_{u <= t} m_u x_u / max(sum_{u <= t} m_u, 1), with m = 1 without a mask: the mean of each token and those before
 * it.
 *
 * Shapes: x [B, N, d] and mask [B, N] to [B, N, d]. Before the first real token the mean is 0, with zero gradient.
 *
 * Time and memory grow with N: a product with a triangular matrix inside chunks of 64 tokens, and the sums of whole chunks
 * carried over in the same way. What comes later is multiplied by 0, so that (finite) tokens change nothing before them, not
 * even by rounding.
 */
export function prefixMean(x: tf.Tensor3D, mask?: tf.Tensor2D): tf.Tensor3D {
  checkShapes('prefixMean', { x: [x, 'B N d'], ...(mask && { mask: [mask, 'B N'] }) });
  return tf.tidy(() => {
    if (mask === undefined) {
      const length = x.shape[1];
      const weights = Float32Array.from({ length }, (_, t) => 1 / (t + 1));
      return tf.mul(prefixSum(x), tf.tensor3d(weights, [1, length, 1])) as tf.Tensor3D;
    }
    const real = tf.expandDims(mask, 2) as tf.Tensor3D; // [B, N, 1]
    return tf.div(prefixSum(tf.mul(x, real)), tf.maximum(prefixSum(real), 1)) as tf.Tensor3D;
  });
}

/**
 * sum_{u <= t} x_u: [B, N, d] to itself.
 *
 * The same as `prefixSums`, by products where that one doubles: half the memory, and one pass instead of six over a chunk. A
 * product rounds its inputs where the precision of products is set below float32; so does the linear map that follows here.
 */
function prefixSum(x: tf.Tensor3D): tf.Tensor3D {
  const [batch, length, size] = x.shape;
  if (length <= chunk) return tf.matMul(lowerTriangle(length, 3), x) as tf.Tensor3D;
  const count = Math.ceil(length / chunk);
  const padded = tf.pad(x, [
    [0, 0],
    [0, count * chunk - length],
    [0, 0],
  ]);
  const chunks = tf.reshape(padded, [batch, count, chunk, size]); // [B, C, c, d]
  const inside = tf.matMul(lowerTriangle(chunk, 4), chunks) as tf.Tensor4D; // [B, C, c, d]
  const totals = tf.slice(inside, [0, 0, chunk - 1, 0], [batch, count - 1, 1, size]); // [B, C - 1, 1, d]
  // Sums over the chunks before each, the first having none. (The gradient of tf.cumsum is wrong but for the last axis.)
  const upTo = prefixSum(tf.reshape(totals, [batch, count - 1, size])); // [B, C - 1, d]
  const before = tf.pad(upTo, [
    [0, 0],
    [1, 0],
    [0, 0],
  ]);
  const sums = tf.add(inside, tf.expandDims(before, 2)); // [B, C, c, d]
  return tf.slice(tf.reshape(sums, [batch, count * chunk, size]) as tf.Tensor3D, 0, [batch, length, size]);
}

/** Ones at and below the diagonal, [.., 1, n, n]. */
function lowerTriangle(n: number, rank: 3 | 4): tf.Tensor {
  const ones = Float32Array.from({ length: n * n }, (_, i) => (i % n <= Math.floor(i / n) ? 1 : 0));
  return tf.tensor(ones, rank === 3 ? [1, n, n] : [1, 1, n, n]);
}
