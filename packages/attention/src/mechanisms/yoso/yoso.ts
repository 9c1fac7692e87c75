import * as tf from '@tensorflow/tfjs';
import { checkCount, checkOneOf, checkShapes } from '../../check.js';
import { depthwiseConvolution } from '../../depthwise-convolution.js';
import { cosineFeatureMap } from '../primal/feature-map.js';

/**
 * How a collision probability is differentiated.
 *
 * - `surrogate`: dW_ij / d(q_i . k_j) is taken as tau/2 W_ij, as in the official code. It is bounded, and another number than
 *   the derivative (13 to 14 % of the gradient's norm at random inputs).
 * - `exact`: the derivative, tau (1 - acos(s)/pi)^(tau-1) / (pi sqrt(1 - s^2)), with s kept 1e-6 away from -1 and 1, where it
 *   is infinite.
 */
export type YosoGradient = 'surrogate' | 'exact';
export const yosoGradients: readonly YosoGradient[] = ['surrogate', 'exact'];

/** Options of {@link yosoAttention}. */
export interface YosoAttentionOptions {
  /** tau, the number of hyperplanes of one hash. Default 9. */
  codeLength?: number;
  /** [B, N], 1 for a real token and 0 for a padded one. */
  mask?: tf.Tensor2D;
  /** Default `surrogate`. */
  gradient?: YosoGradient;
  /** Kernels [H, k]: the output has the convolution of v with them added to it ({@link depthwiseConvolution}). */
  kernel?: tf.Tensor2D;
}

/** How near to -1 and 1 a cosine may come where it is differentiated. */
const margin = 1e-6;

/**
 * o_i = unit(sum_j W_ij v_j) [+ (w * v)_i],  W_ij = (1 - acos(unit(q_i) . unit(k_j)) / pi)^tau: the attention in which a key
 * counts as often as its hash of tau hyperplanes collides with the query's, in expectation (YOSO-E). There are N^2 weights.
 *
 * Shapes: q, k, v [H, B, N, p] to [H, B, N, p]. unit(z) = z / max(||z||, 1e-12). The mask takes padded keys out of the sum
 * and of the convolution, and gives padded queries 0 besides the convolution; a sample without a real token gets zeros.
 *
 * How ours differs from the official code: the cosine is clamped to [-1, 1], whose acos is NaN there when rounding leads out
 * of it. The output is masked after it has been made unit, not before: the same numbers and gradients, since a row that is 0
 * stays 0, but no factor of 1e12 in the gradient of a padded row.
 *
 * Source: Zeng et al. 2021; mlpen/YOSO, encoders/backbones/efficient_attentions/yoso/yoso_v1/yoso.py, YOSOEAttention.
 */
export function yosoAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  options: YosoAttentionOptions = {},
): tf.Tensor4D {
  const { codeLength = 9, mask, gradient = 'surrogate', kernel } = options;
  checkCount('yosoAttention', 'codeLength', codeLength);
  checkOneOf('yosoAttention', 'gradient', gradient, yosoGradients);
  checkShapes('yosoAttention', {
    q: [q, 'H B M p'],
    k: [k, 'H B N p'],
    v: [v, 'H B N v'],
    // With a mask the queries are the keys' tokens.
    ...(mask && { mask: [mask, 'B N'], queries: [q, 'H B N p'] }),
    ...(kernel && { kernel: [kernel, 'H t'] }),
  });
  return tf.tidy(() => {
    const real = mask && tf.expandDims(mask, 2); // [B, N, 1]
    const values = real === undefined ? v : (tf.mul(v, real) as tf.Tensor4D);
    const sums = collisionSums(cosineFeatureMap(q), cosineFeatureMap(k), values, codeLength, gradient);
    const unit = cosineFeatureMap(sums);
    const output = real === undefined ? unit : (tf.mul(unit, real) as tf.Tensor4D);
    return kernel === undefined
      ? output
      : (tf.add(output, depthwiseConvolution(values, kernel)) as tf.Tensor4D);
  });
}

/** sum_j (1 - acos(q_i . k_j) / pi)^tau v_j for unit q and k. */
function collisionSums(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  codeLength: number,
  gradient: YosoGradient,
): tf.Tensor4D {
  const bound = gradient === 'exact' ? 1 - margin : 1;
  const cosines = (q: tf.Tensor, k: tf.Tensor): tf.Tensor =>
    tf.clipByValue(tf.matMul(q, k, false, true), -bound, bound); // [H, B, N, N]
  /** The chance that a random hyperplane does not separate the two. */
  const collision = (cosine: tf.Tensor): tf.Tensor => tf.sub(1, tf.mul(tf.acos(cosine), 1 / Math.PI));
  const sums = tf.customGrad((...inputs) => {
    const [q, k, v, save] = inputs as unknown as [tf.Tensor, tf.Tensor, tf.Tensor, tf.GradSaveFunc];
    const weights = integerPower(collision(cosines(q, k)), codeLength); // [H, B, N, N]
    save([q, k, v, weights]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
      const [q, k, v, weights] = saved;
      const slope = (): tf.Tensor => {
        if (gradient === 'surrogate') return tf.mul(weights, codeLength / 2);
        const cosine = cosines(q, k);
        const above = tf.mul(integerPower(collision(cosine), codeLength - 1), codeLength / Math.PI);
        return tf.mul(above, tf.rsqrt(tf.sub(1, tf.square(cosine))));
      };
      const ofCosines = tf.mul(tf.matMul(dy, v, false, true), slope()); // [H, B, N, N]
      return [
        tf.matMul(ofCosines, k),
        tf.matMul(ofCosines, q, true, false),
        tf.matMul(weights, dy, true, false),
      ];
    };
    return { value: tf.matMul(weights, v), gradFunc };
  });
  return sums(q, k, v) as tf.Tensor4D;
}

/** x^n by products: tf.pow takes a logarithm and an exponential of each of the N^2 numbers. */
function integerPower(x: tf.Tensor, exponent: number): tf.Tensor {
  if (exponent === 0) return tf.onesLike(x);
  let result: tf.Tensor | undefined;
  let square = x;
  for (let rest = exponent; ; square = tf.square(square)) {
    if (rest % 2 === 1) result = result === undefined ? square : tf.mul(result, square);
    rest = Math.floor(rest / 2);
    if (rest === 0) return result as tf.Tensor;
  }
}
