import { autocast } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { checkCount, checkShapes } from '../../check.js';
import { maskTokens } from '../../kernel-product.js';
import { type Grid, gridConvolution, patches } from './grid.js';
import { newtonInverse } from './newton-inverse.js';

/** What makes a landmark of a patch of a x b queries; the heads share it. */
export interface SoftLandmarkWeights {
  /** The strided convolution, [a, b, p, p] (inputs before outputs); a = 1 for sequences. */
  kernel: tf.Tensor4D;
  /** Gain of the layer norm, [p]. */
  gamma: tf.Tensor1D;
  /** Offset of the layer norm, [p]. */
  beta: tf.Tensor1D;
}

/** Options of {@link softAttention}. */
export interface SoftAttentionOptions {
  /** Rows and columns; N = R C. Default: a sequence. */
  grid?: Grid;
  /** [B, N], 1 for a real token and 0 for a padded one. */
  mask?: tf.Tensor2D;
  /** [H, c, c], for sequences [H, 1, c], with odd c: adds the convolution of the values over the grid. */
  convolution?: tf.Tensor3D;
  /** Of Newton's inverse. Default 20. */
  iterations?: number;
}

/** Output of {@link softAttention}, and what it was made with. */
export type SoftAttentionResult = {
  /** [H, B, N, p]. */
  output: tf.Tensor4D;
  /** K2, the kernel between the landmarks, [H, B, m, m]. */
  landmarkKernel: tf.Tensor4D;
  /** Z, [H, B, m, m]. */
  inverse: tf.Tensor4D;
};

/** torch's. */
const normEpsilon = 1e-5;

/**
 * o = K1 Z K1^T v, with the Gaussian kernels K1_ir = exp(-|q_i - l_r|^2 / 2) and K2_rs = exp(-|l_r - l_s|^2 / 2), and
 * Z ~ (K2 + 0.01 I)^-1 (`newtonInverse`). Queries are divided by p^(1/4) and are the keys as well; landmark
 * l_r = gelu(norm(W q_patch)) with one linear map of each patch of queries, a layer norm and the exact GELU.
 *
 * Shapes: q, v [H, B, N, p] to [H, B, N, p]; m landmarks, one per whole patch of the grid. Time O(N m p + m^3), memory
 * O(N m + m^2). There is no denominator: weights do not sum to one.
 *
 * Sequences: the official code is for images only, its authors published no form for series, so this one is ours: a grid of one
 * row, with patches of 1 x b tokens, and zeros at the end up to a whole patch.
 *
 * Masks are ours too. Padded queries are zeros where patches are cut, padded values are zeros, and a landmark without a real
 * token is left out; so padding changes no real token, and of a sequence padded at the end the output is that of the shorter
 * one. A sample without a real token gives zeros.
 *
 * How ours differs from the official code: a ratio of 1 works (there it stops at an attribute that is never set), without the
 * class token it was to have. Exponents are at most 0, which rounding may miss. The product is taken from the right.
 *
 * Inside `autocast` all of it is float32: differences of squares and the inverse leave little of bf16's 8 bits.
 *
 * Source: Lu et al. 2021; fudan-zvg/SOFT, models/softmax_free_transformer.py SoftmaxFreeAttentionKernel (kernel method
 * torch).
 *
 * @throws Error if shapes do not fit, N is not R C, or the grid has no whole patch
 */
export function softAttention(
  q: tf.Tensor4D,
  v: tf.Tensor4D,
  weights: SoftLandmarkWeights,
  options: SoftAttentionOptions = {},
): SoftAttentionResult {
  const { mask, convolution, iterations = 20 } = options;
  checkCount('softAttention', 'iterations', iterations);
  checkShapes('softAttention', {
    q: [q, 'H B N p'],
    v: [v, 'H B N c'],
    kernel: [weights.kernel, 'a b p p'],
    gamma: [weights.gamma, 'p'],
    beta: [weights.beta, 'p'],
    ...(mask && { mask: [mask, 'B N'] }),
    ...(convolution && { convolution: [convolution, 'H r s'] }),
  });
  const [, , length, size] = q.shape;
  const [height, width] = weights.kernel.shape;
  const grid = options.grid ?? [1, length];
  checkGrid(grid, length, [height, width], options.grid === undefined);
  const tapRows = convolution?.shape[1] ?? 1;
  if (tapRows % 2 !== 1)
    throw new Error(`softAttention: the convolution needs an odd number of rows, got ${tapRows}`);
  const compute = (): SoftAttentionResult => {
    const queries = tf.mul(q, size ** -0.25) as tf.Tensor4D;
    const values = maskTokens(v, mask);
    const cut: Grid = options.grid ?? [1, Math.ceil(length / width) * width];
    const landmarks = makeLandmarks(maskTokens(queries, mask), weights, cut); // [H, B, m, p]
    let left = gaussianKernel(queries, landmarks); // K1, [H, B, N, m]
    let landmarkKernel = gaussianKernel(landmarks, landmarks); // K2, [H, B, m, m]
    if (mask !== undefined) {
      const real = realPatches(mask, cut, [height, width]); // [B, m]
      const [batch, count] = real.shape;
      const row = tf.reshape(real, [1, batch, 1, count]);
      const column = tf.reshape(real, [1, batch, count, 1]);
      left = tf.mul(left, row);
      // The identity for a landmark that is left out, which touches the inverse of the others in nothing.
      const alone = tf.mul(tf.eye(count), tf.sub(1, row)); // [1, B, m, m]
      landmarkKernel = tf.add(tf.mul(landmarkKernel, tf.mul(row, column)), alone);
    }
    const inverse = newtonInverse(landmarkKernel, iterations);
    const seen = tf.matMul(left, values, true, false); // K1^T v, [H, B, m, c]
    const attended = tf.matMul(left, tf.matMul(inverse, seen)) as tf.Tensor4D; // [H, B, N, c]
    const output: tf.Tensor4D =
      convolution === undefined ? attended : tf.add(attended, gridConvolution(values, convolution, grid));
    return { output, landmarkKernel, inverse };
  };
  return tf.tidy(() => autocast('float32', compute));
}

function checkGrid([rows, columns]: Grid, length: number, [height, width]: Grid, isSequence: boolean): void {
  if (isSequence) {
    if (height !== 1)
      throw new Error(
        `softAttention: a sequence needs patches of one row, got ${height} x ${width}; give a grid`,
      );
    return;
  }
  if (rows * columns !== length) {
    throw new Error(
      `softAttention: a grid of ${rows} x ${columns} has ${rows * columns} tokens, got ${length}`,
    );
  }
  if (rows < height || columns < width) {
    throw new Error(
      `softAttention: a grid of ${rows} x ${columns} has no whole patch of ${height} x ${width}; ` +
        `it needs at least ${height} rows and ${width} columns`,
    );
  }
}

/** exp(-|a_i - b_j|^2 / 2): a [H, B, M, p], b [H, B, N, p] to [H, B, M, N]. */
function gaussianKernel(a: tf.Tensor4D, b: tf.Tensor4D): tf.Tensor4D {
  const half = (x: tf.Tensor4D): tf.Tensor4D => tf.mul(tf.sum(tf.square(x), 3, true), 0.5); // [H, B, N, 1]
  const offsets = tf.add(half(a), tf.transpose(half(b), [0, 1, 3, 2])); // [H, B, M, N]
  return tf.exp(tf.minimum(tf.sub(tf.matMul(a, b, false, true), offsets), 0));
}

/** x with zeros at the end, so that it fills the grid: [G, N, c] to [G, R C, c]. */
function fill(x: tf.Tensor3D, [rows, columns]: Grid): tf.Tensor3D {
  const lacking = rows * columns - x.shape[1];
  if (lacking === 0) return x;
  return tf.pad(x, [
    [0, 0],
    [0, lacking],
    [0, 0],
  ]);
}

function makeLandmarks(
  queries: tf.Tensor4D,
  { kernel, gamma, beta }: SoftLandmarkWeights,
  grid: Grid,
): tf.Tensor4D {
  const [heads, batch, length, size] = queries.shape;
  const [height, width] = kernel.shape;
  const tokens = tf.reshape(queries, [heads * batch, length, size]) as tf.Tensor3D; // [H B, N, p]
  const cut = patches(fill(tokens, grid), grid, [height, width]); // [H B, m, a b p]
  const [, count, inputs] = cut.shape;
  const rows = tf.reshape(cut, [heads * batch * count, inputs]) as tf.Tensor2D;
  const mapped = tf.matMul(rows, tf.reshape(kernel, [inputs, size])); // [H B m, p]
  const centred = tf.sub(mapped, tf.mean(mapped, 1, true));
  const variance = tf.mean(tf.square(centred), 1, true); // [H B m, 1]
  const unit = tf.mul(centred, tf.rsqrt(tf.add(variance, normEpsilon)));
  const normed = tf.add(tf.mul(unit, gamma), beta);
  const gelu = tf.mul(tf.mul(normed, 0.5), tf.add(tf.erf(tf.mul(normed, Math.SQRT1_2)), 1));
  return tf.reshape(gelu, [heads, batch, count, size]); // [H, B, m, p]
}

/** 1 for a patch with a real token: [B, N] to [B, m]. */
function realPatches(mask: tf.Tensor2D, grid: Grid, patch: Grid): tf.Tensor2D {
  return tf.max(patches(fill(tf.expandDims(mask, 2), grid), grid, patch), 2);
}
