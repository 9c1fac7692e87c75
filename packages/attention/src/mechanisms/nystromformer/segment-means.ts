import * as tf from '@tensorflow/tfjs';

/**
 * The means of m segments of consecutive tokens: [H, B, N, p] to [H, B, m, p], m <= N.
 *
 * Where m does not divide N, the first N mod m segments are longer than the others by one token; so there are always m, of
 * real positions, and nothing is padded.
 */
export function segmentMeans(x: tf.Tensor4D, count: number): tf.Tensor4D {
  const [heads, batch, length, size] = x.shape;
  const short = Math.floor(length / count);
  const longer = length % count;
  /** The means of `segments` segments of `tokens` tokens from a token on. */
  const means = (from: number, segments: number, tokens: number): tf.Tensor4D => {
    const whole = from === 0 && segments * tokens === length;
    const part = whole ? x : tf.slice(x, [0, 0, from, 0], [heads, batch, segments * tokens, size]);
    if (tokens === 1) return part;
    // One axis for all that stays: an array of five axes is less at home in every engine.
    const apart = tf.reshape(part, [heads * batch * segments, tokens, size]); // [H B m', l, p]
    return tf.reshape(tf.mean(apart, 1), [heads, batch, segments, size]);
  };
  const split = longer * (short + 1);
  if (longer === 0) return means(0, count, short);
  return tf.concat([means(0, longer, short + 1), means(split, count - longer, short)], 2); // [H, B, m, p]
}
