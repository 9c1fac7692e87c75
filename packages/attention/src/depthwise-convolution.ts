import * as tf from '@tensorflow/tfjs';
import { checkShapes } from './check.js';

/** So many tokens make a block, unless the kernel is longer or the sequence shorter. */
const blockSize = 64;

/**
 * y_i = sum_t w_t x_{i + t - (k-1)/2}, each head with its own kernel, every feature of a head with the same one; x is 0
 * outside the sequence. (Mind torch's name: this is a correlation, as all convolutions of networks are.)
 *
 * Shapes: x [H, B, N, p] and kernel [H, k] to [H, B, N, p]; k is odd. In the official Nystrom and YOSO code x is v mask, and
 * the kernel is the weight [H, 1, k, 1] of a grouped convolution with padding k // 2.
 *
 * Computed as products of blocks of c tokens and their neighbours, [c + k - 1, p], with the c x (c + k - 1) matrix whose rows
 * are the kernel, each shifted by one: about three times the multiplications for c = 64 and k = 35, but all of them in matrix
 * products, the gradients too.
 */
export function depthwiseConvolution(x: tf.Tensor4D, kernel: tf.Tensor2D): tf.Tensor4D {
  checkShapes('depthwiseConvolution', { x: [x, 'H B N p'], kernel: [kernel, 'H k'] });
  const [heads, batch, length, size] = x.shape;
  const taps = kernel.shape[1];
  if (taps % 2 !== 1) {
    throw new Error(`depthwiseConvolution: the kernel needs an odd number of taps, got ${taps}`);
  }
  const halo = (taps - 1) / 2;
  const block = Math.max(1, 2 * halo, Math.min(blockSize, length));
  const count = Math.ceil(length / block);
  const wide = block + 2 * halo;
  return tf.tidy(() => {
    const whole = count * block;
    const padded = tf.pad(x, [
      [0, 0],
      [0, 0],
      [halo, whole - length + halo],
      [0, 0],
    ]); // [H, B, C c + k - 1, p]
    const part = (from: number, tokens: number): tf.Tensor => {
      // Every block's tokens from .. from + tokens, counted from the block's beginning.
      const cut = tf.slice(padded, [0, 0, from, 0], [heads, batch, whole, size]);
      const blocks = tf.reshape(cut, [heads, batch, count, block, size]); // [H, B, C, c, p]
      return tokens === block
        ? blocks
        : tf.slice(blocks, [0, 0, 0, block - tokens, 0], [heads, batch, count, tokens, size]);
    };
    const blocks = halo === 0 ? part(0, block) : tf.concat([part(0, block), part(2 * halo, 2 * halo)], 3); // [H, B, C, c + k - 1, p]
    // Tokens first, so that one product per head serves all blocks of the batch, and its gradient in the kernel sums over them.
    const columns = tf.reshape(tf.transpose(blocks, [0, 3, 1, 2, 4]), [heads, wide, batch * count * size]); // [H, c + k - 1, B C p]
    const result = tf.matMul(shiftedRows(kernel, block), columns as tf.Tensor3D); // [H, c, B C p]
    const apart = tf.reshape(result, [heads, block, batch, count, size]); // [H, c, B, C, p]
    const inOrder = tf.transpose(apart, [0, 2, 3, 1, 4]); // [H, B, C, c, p]
    const all = tf.reshape(inOrder, [heads, batch, whole, size]); // [H, B, C c, p]
    return tf.slice(all, 0, [heads, batch, length, size]) as tf.Tensor4D;
  });
}

/** The rows (w, 0, .. 0), (0, w, 0 ..), .. of each head: [H, k] to [H, c, c + k - 1]. */
function shiftedRows(kernel: tf.Tensor2D, rows: number): tf.Tensor3D {
  const [heads, taps] = kernel.shape;
  const columns = rows + taps - 1;
  // Rows one longer than they will be, cut anew at the right length, are shifted by one each.
  const row = tf.pad(kernel, [
    [0, 0],
    [0, rows],
  ]); // [H, c + k]
  const repeated = tf.mul(tf.expandDims(row, 1), tf.ones([1, rows, 1])); // [H, c, c + k]
  const flat = tf.reshape(repeated, [heads, rows * (columns + 1)]);
  return tf.reshape(tf.slice(flat, [0, 0], [heads, rows * columns]), [heads, rows, columns]);
}
