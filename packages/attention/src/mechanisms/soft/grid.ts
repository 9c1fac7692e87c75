import * as tf from '@tensorflow/tfjs';
import { depthwiseConvolution } from '../../depthwise-convolution.js';

/** Rows and columns of tokens, one row after the other. A sequence is a grid of one row. */
export type Grid = readonly [rows: number, columns: number];

/**
 * Cuts each grid into whole patches of a x b tokens: x [G, R C, c] to [G, m, a b c]. What is left over at the last rows and
 * columns is in no patch.
 */
export function patches(x: tf.Tensor3D, [rows, columns]: Grid, [height, width]: Grid): tf.Tensor3D {
  const [grids, , size] = x.shape;
  const [down, across] = [Math.floor(rows / height), Math.floor(columns / width)];
  const lines = tf.reshape(x, [grids, rows, columns * size]) as tf.Tensor3D; // [G, R, C c]
  const whole = [grids, down * height, across * width * size] as [number, number, number];
  const cut =
    whole[1] === rows && whole[2] === columns * size ? lines : (tf.slice(lines, 0, whole) as tf.Tensor3D);
  const wide = width * size;
  if (height === 1) return tf.reshape(cut, [grids, down * across, wide]); // [G, m, b c]
  const apart = tf.reshape(cut, [grids * down, height, across, wide]) as tf.Tensor4D; // [G R/a, a, C/b, b c]
  const together = tf.transpose(apart, [0, 2, 1, 3]); // [G R/a, C/b, a, b c]
  return tf.reshape(together, [grids, down * across, height * wide]); // [G, m, a b c]
}

/**
 * y_ij = sum_st w_st x_{i + s - (a-1)/2, j + t - (b-1)/2} over each grid, one kernel per head, with zeros outside: what torch
 * calls a grouped convolution with padding a // 2 and b // 2.
 *
 * Shapes: x [H, B, R C, p] and kernel [H, a, b] to [H, B, R C, p]; a and b are odd. Each row of the kernel is a convolution
 * along the grid's rows, of the grid moved up or down.
 */
export function gridConvolution(x: tf.Tensor4D, kernel: tf.Tensor3D, [rows, columns]: Grid): tf.Tensor4D {
  const [heads, batch, length, size] = x.shape;
  const [, height, width] = kernel.shape;
  return tf.tidy(() => {
    const halo = (height - 1) / 2;
    const lines = tf.reshape(x, [heads * batch, rows, columns * size]); // [H B, R, C p]
    const padded = tf.pad(lines, [
      [0, 0],
      [halo, halo],
      [0, 0],
    ]); // [H B, R + a - 1, C p]
    const terms = Array.from({ length: height }, (_, row) => {
      const moved = tf.slice(padded, [0, row, 0], [heads * batch, rows, columns * size]);
      const samples = tf.reshape(moved, [heads, batch * rows, columns, size]) as tf.Tensor4D; // [H, B R, C, p]
      const taps = tf.reshape(tf.slice(kernel, [0, row, 0], [heads, 1, width]), [heads, width]);
      return depthwiseConvolution(samples, taps as tf.Tensor2D);
    });
    return tf.reshape(tf.addN(terms), [heads, batch, length, size]) as tf.Tensor4D;
  });
}
