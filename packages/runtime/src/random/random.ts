import * as tf from '@tensorflow/tfjs';
import { keyOfSeed } from './hash.js';
import { prepareRandomKernels, randomKernels } from './kernels.js';

/** A key of the stateless generator: an int32 tensor of shape [2]. */
export type RandomKey = tf.Tensor1D;

/** Keeps `split` apart from `foldIn`. */
const splitTag = 0x2545f491;

/** The key of a seed, an integer up to 2^53 in size. */
export function randomKey(seed: number): RandomKey {
  return tf.tensor1d(Int32Array.from(keyOfSeed(seed, 'randomKey')), 'int32');
}

/**
 * A new key from a key and a number, for instance a step count: `foldIn(key, step)`.
 *
 * @param data an integer, or an int32 scalar (a step variable), so that a compiled step draws anew at each call
 */
export function foldIn(key: RandomKey, data: number | tf.Scalar): RandomKey {
  checkKey(key, 'foldIn');
  if (typeof data === 'number' && !Number.isInteger(data)) {
    throw new Error(`foldIn: data must be an integer or an int32 scalar, got ${data}`);
  }
  if (typeof data !== 'number' && (data.dtype !== 'int32' || data.size !== 1)) {
    throw new Error(`foldIn: data must be an int32 scalar, got ${data.dtype} [${data.shape}]`);
  }
  prepareRandomKernels();
  return tf.tidy(() => {
    const scalar = typeof data === 'number' ? tf.scalar(data | 0, 'int32') : data;
    return tf.engine().runKernel(randomKernels.foldIn, { key, data: scalar }) as RandomKey;
  });
}

/** `count` independent keys from one, apart from everything that `foldIn` gives. */
export function split(key: RandomKey, count: number): RandomKey[] {
  const parent = foldIn(key, splitTag);
  const keys = Array.from({ length: count }, (_, i) => foldIn(parent, i));
  parent.dispose();
  return keys;
}

/** 32 random bits per element, int32 [shape]. */
export function randomBits(key: RandomKey, shape: number[]): tf.Tensor {
  return draw(randomKernels.bits, key, shape, 'randomBits');
}

/** Uniform numbers in [min, max), float32 [shape], with 24 random bits each. */
export function randomUniform(key: RandomKey, shape: number[], min = 0, max = 1): tf.Tensor {
  if (!(max > min)) throw new Error(`randomUniform: max must be above min, got min ${min} and max ${max}`);
  return tf.tidy(() => {
    const unit = draw(randomKernels.uniform, key, shape, 'randomUniform');
    return min === 0 && max === 1 ? unit : tf.add(tf.mul(unit, max - min), min);
  });
}

/** Normal numbers, float32 [shape], by the Box-Muller transform; the same on every backend up to rounding. */
export function randomNormal(key: RandomKey, shape: number[], mean = 0, std = 1): tf.Tensor {
  return tf.tidy(() => {
    const radius = tf.sqrt(
      tf.mul(tf.log(tf.sub(1, draw(randomKernels.uniform, foldIn(key, 0), shape, 'randomNormal'))), -2),
    );
    const angle = tf.mul(draw(randomKernels.uniform, foldIn(key, 1), shape, 'randomNormal'), 2 * Math.PI);
    return tf.add(tf.mul(tf.mul(radius, tf.cos(angle)), std), mean);
  });
}

/** True with probability `p`, bool [shape]. */
export function randomBernoulli(key: RandomKey, p: number, shape: number[]): tf.Tensor {
  if (!(p >= 0 && p <= 1)) throw new Error(`randomBernoulli: p must be in [0, 1], got ${p}`);
  return tf.tidy(() => tf.less(draw(randomKernels.uniform, key, shape, 'randomBernoulli'), p));
}

/**
 * How dropout draws its mask.
 *
 * - `elements`: 32 bits for each element, by twenty integer operations.
 * - `products`: one random word for each row and one for each column, whose products are the bits ({@link matrixDropout} of the last
 *   two axes): one operation for an element. It is what GPU kernels can afford, which draw a mask anew wherever they need it.
 */
export type DropoutDraw = 'elements' | 'products';

/** All of {@link DropoutDraw}. */
export const dropoutDraws: readonly DropoutDraw[] = ['elements', 'products'];

/**
 * Inverted dropout: each element is 0 with probability `rate`, else x / (1 - rate).
 *
 * The mask follows from the key alone, so it is the same on every backend, and a compiled program draws it where it is
 * used. tf.dropout, in contrast, draws on the host and would be one frozen mask inside `jit`.
 *
 * @param options.draw how the mask is drawn; default `elements`
 */
export function dropout<T extends tf.Tensor>(
  x: T,
  rate: number,
  key: RandomKey,
  options: { readonly draw?: DropoutDraw } = {},
): T {
  const { draw = 'elements' } = options;
  if (!dropoutDraws.includes(draw)) {
    throw new Error(`dropout: draw must be one of ${dropoutDraws.join(', ')}, got ${draw}`);
  }
  if (draw === 'products') return tf.tidy(() => matrixDropout(x, rate, matrixWords(key, x.shape)));
  return dropoutBy('dropout', x, rate, () => randomBernoulli(key, 1 - rate, x.shape));
}

/** Random words of the rows, int32 [.., M], and of the columns, int32 [N], of matrices [.., M, N]. */
export interface MatrixWords {
  readonly rows: tf.Tensor;
  readonly columns: tf.Tensor;
}

/** The words of matrices [.., M, N] for {@link matrixDropout}. */
export function matrixWords(key: RandomKey, shape: number[]): MatrixWords {
  if (shape.length === 0) throw new Error('matrixWords: expected the shape of matrices [.., M, N], got []');
  const words = (data: number, shape: number[]): tf.Tensor =>
    tf.tidy(() => randomBits(foldIn(key, data), shape));
  return { rows: words(0, shape.slice(0, -1)), columns: words(1, shape.slice(-1)) };
}

/**
 * {@link dropout} of matrices [.., M, N] with another mask, for N x N weights that GPU kernels drop several times and keep never:
 * element (i, j) is kept where the upper 24 bits of rows_i columns_j modulo 2^32, times 2^-24, are less than 1 - rate.
 */
export function matrixDropout<T extends tf.Tensor>(x: T, rate: number, { rows, columns }: MatrixWords): T {
  const shape = [...rows.shape, ...columns.shape];
  if (rows.dtype !== 'int32' || columns.dtype !== 'int32' || !tf.util.arraysEqual(shape, x.shape)) {
    throw new Error(
      `matrixDropout: expected int32 words of the rows and columns of [${x.shape}] (see matrixWords), got ` +
        `${rows.dtype} [${rows.shape}] and ${columns.dtype} [${columns.shape}]`,
    );
  }
  return dropoutBy('matrixDropout', x, rate, () => {
    prepareRandomKernels();
    const drawn = tf.engine().runKernel(randomKernels.products, { rows, columns }) as tf.Tensor;
    return tf.less(drawn, 1 - rate);
  });
}

function dropoutBy<T extends tf.Tensor>(caller: string, x: T, rate: number, draw: () => tf.Tensor): T {
  if (!(rate >= 0 && rate < 1)) throw new Error(`${caller}: rate must be in [0, 1), got ${rate}`);
  if (rate === 0) return x.clone() as T;
  // What the gradient keeps is one bit per element, not the float that a product with the mask would keep.
  const drop = tf.customGrad((...inputs) => {
    const [x, save] = inputs as unknown as [tf.Tensor, tf.GradSaveFunc];
    const kept = draw();
    save([kept]);
    const apply = (to: tf.Tensor, kept: tf.Tensor): tf.Tensor =>
      tf.where(kept, tf.mul(to, 1 / (1 - rate)), tf.zerosLike(to));
    return {
      value: apply(x, kept),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => apply(dy, saved[0]),
    };
  });
  return tf.tidy(() => drop(x) as T);
}

function draw(kernel: string, key: RandomKey, shape: number[], caller: string): tf.Tensor {
  checkKey(key, caller);
  if (shape.some((n) => !Number.isInteger(n) || n < 0) || tf.util.sizeFromShape(shape) > 2 ** 31) {
    throw new Error(
      `${caller}: shape must hold non-negative integers and at most 2^31 elements, got [${shape}]`,
    );
  }
  prepareRandomKernels();
  return tf.engine().runKernel(kernel, { key }, { shape }) as tf.Tensor;
}

function checkKey(key: tf.Tensor, caller: string): void {
  if (key?.dtype !== 'int32' || key.shape.length !== 1 || key.shape[0] !== 2) {
    const given = key?.shape === undefined ? String(key) : `${key.dtype} [${key.shape}]`;
    throw new Error(`${caller}: the key must be an int32 tensor of shape [2] (see randomKey), got ${given}`);
  }
}
