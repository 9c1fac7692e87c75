import * as tf from '@tensorflow/tfjs';
import { checkCount, checkOneOf, checkShapes } from '../../check.js';
import { depthwiseConvolution } from '../../depthwise-convolution.js';
import { maskTokens } from '../../kernel-product.js';
import { type PseudoInverseStart, pseudoInverse, pseudoInverseStarts } from './pseudo-inverse.js';
import { segmentMeans } from './segment-means.js';

/** Options of {@link nystromAttention}. */
export interface NystromAttentionOptions {
  /** m, the number of landmarks. */
  landmarks: number;
  /** [B, N], 1 for a real key and 0 for a padded one. */
  mask?: tf.Tensor2D;
  /** [H, k] with odd k: adds the convolution of the values along the sequence, one kernel per head. */
  kernel?: tf.Tensor2D;
  /** Default `batch`, as in the official code. */
  start?: PseudoInverseStart;
}

/** As the official code has it: far above any score, and in float32 enough to leave nothing of one below. */
const penalty = 1e9;

/**
 * o = softmax(q K~^T) softmax(Q~ K~^T)^+ softmax(Q~ k^T) v, with q and k divided by p^(1/4); the landmarks Q~, K~ are the means
 * of m segments of consecutive queries and keys. With at least as many landmarks as tokens: o = softmax(q k^T) v.
 *
 * Shapes: q, k, v [H, B, N, p] to [H, B, N, p]. Time O(N m p + m^3), memory O(N m + m^2).
 *
 * Padded keys have no weight in the third softmax, and what they hold changes nothing: queries and keys become zeros before the
 * means, and values before the convolution. But these zeros count in the means, and the segments are those of the padded length,
 * so that more padding gives another approximation. A sample without a real key gets the mean of its values, plus nothing
 * from the convolution.
 *
 * How ours differs from the official code: N need not be a multiple of m, see `segmentMeans`, nor at least m. The start of
 * the pseudo-inverse can be that of each head and sample. The product is taken from the right, which is less work.
 *
 * Source: Xiong et al. 2021; yingyichen-cyy/PrimalAttention,
 * PrimalAttention_LRA/PrimalFormer/attentions/attention_nystrom.py; mlpen/Nystromformer.
 *
 * @throws Error if shapes do not fit; if the kernel has an even number of taps
 */
export function nystromAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  options: NystromAttentionOptions,
): tf.Tensor4D {
  const { landmarks, mask, kernel, start = 'batch' } = options;
  checkCount('nystromAttention', 'landmarks', landmarks);
  checkOneOf('nystromAttention', 'start', start, pseudoInverseStarts);
  checkShapes('nystromAttention', {
    q: [q, 'H B N p'],
    k: [k, 'H B N p'],
    v: [v, 'H B N c'],
    ...(mask && { mask: [mask, 'B N'] }),
    ...(kernel && { kernel: [kernel, 'H k'] }),
  });
  const [, batch, length, size] = q.shape;
  return tf.tidy(() => {
    const scale = size ** -0.25;
    const queries = tf.mul(maskTokens(q, mask), scale) as tf.Tensor4D;
    const keys = tf.mul(maskTokens(k, mask), scale) as tf.Tensor4D;
    const lifted = mask && tf.mul(tf.sub(1, tf.reshape(mask, [1, batch, 1, length])), penalty); // [1, B, 1, N]
    const attend = (of: tf.Tensor4D): tf.Tensor4D => {
      const scores = tf.matMul(of, keys, false, true); // [H, B, m or N, N]
      const weights = tf.softmax(lifted === undefined ? scores : tf.sub(scores, lifted));
      return tf.matMul(weights, v) as tf.Tensor4D; // [H, B, m or N, c]
    };
    const output = landmarks >= length ? attend(queries) : approximate();
    return kernel === undefined ? output : tf.add(output, depthwiseConvolution(maskTokens(v, mask), kernel));

    function approximate(): tf.Tensor4D {
      const queryMeans = segmentMeans(queries, landmarks); // [H, B, m, p]
      const keyMeans = segmentMeans(keys, landmarks); // [H, B, m, p]
      const left = tf.softmax(tf.matMul(queries, keyMeans, false, true)); // [H, B, N, m]
      const middle = tf.softmax(tf.matMul(queryMeans, keyMeans, false, true)) as tf.Tensor4D; // [H, B, m, m]
      const right = tf.matMul(pseudoInverse(middle, start), attend(queryMeans)); // [H, B, m, c]
      return tf.matMul(left, right) as tf.Tensor4D; // [H, B, N, c]
    }
  });
}
