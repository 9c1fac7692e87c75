import * as tf from '@tensorflow/tfjs';
import { isCount } from '../../check.js';

/** The official configuration's longest sequence, from which its limit on the number of buckets follows. */
const longest = 4096;

/**
 * How many buckets a hash has: 2^floor(log2(2 floor(N / c))), about two for each chunk of c tokens. Above
 * 2 max(floor(sqrt(floor(4096 / c))), c), from 8192 tokens on for c = 64, it is cut into two factors, which are hashed apart.
 */
export function bucketFactors(length: number, chunkLength: number): number[] {
  const power = Math.floor(Math.log2(2 * Math.floor(length / chunkLength)));
  const limit = 2 * Math.max(Math.floor(Math.sqrt(Math.floor(longest / chunkLength))), chunkLength);
  if (2 ** power <= limit) return [2 ** power];
  return [2 ** Math.floor(power / 2), 2 ** (power - Math.floor(power / 2))];
}

/** @throws Error unless every factor is a positive even number: a hash gives each direction and its opposite a bucket */
export function checkBuckets(caller: string, factors: readonly number[]): void {
  if (factors.length === 0 || !factors.every((n) => isCount(n) && n % 2 === 0)) {
    throw new Error(`${caller}: buckets must be a positive even number, or a list of them, got [${factors}]`);
  }
}

/**
 * h(x) = argmax([x R; -x R]) for each hash: the bucket of a token is the nearest of random directions and their opposites.
 * With factors n_1, n_2 there are two such numbers, and h = h_1 + n_1 h_2.
 *
 * Shapes: x [H, B, N, p] and rotations R [H, p, hashes, sum(factors) / 2] to int32 [H, B, hashes, N].
 */
export function hashBuckets(x: tf.Tensor4D, rotations: tf.Tensor4D, factors: readonly number[]): tf.Tensor4D {
  const [heads, batch, length, size] = x.shape;
  const [, , hashes, columns] = rotations.shape;
  return tf.tidy(() => {
    const rows = tf.reshape(x, [heads, batch * length, size]); // [H, B N, p]
    const directions = tf.reshape(rotations, [heads, size, hashes * columns]);
    const products = tf.reshape(tf.matMul(rows, directions), [heads, batch, length, hashes, columns]);
    let buckets: tf.Tensor | undefined;
    let [from, scale] = [0, 1];
    for (const factor of factors) {
      const part = tf.slice(products, [0, 0, 0, 0, from], [heads, batch, length, hashes, factor / 2]);
      const bucket = tf.argMax(tf.concat([part, tf.neg(part)], 4), 4); // [H, B, N, hashes]
      buckets = buckets === undefined ? bucket : tf.add(buckets, tf.mul(bucket, tf.scalar(scale, 'int32')));
      from += factor / 2;
      scale *= factor;
    }
    return tf.transpose(buckets as tf.Tensor4D, [0, 1, 3, 2]); // [H, B, hashes, N]
  });
}

/** An order of the tokens and its inverse, both int32 [.., N]: place i holds token `order[i]`, token j is at `place[j]`. */
export interface SortedTokens {
  order: tf.Tensor;
  place: tf.Tensor;
}

/**
 * The tokens of each row sorted by bucket, and by position within a bucket.
 *
 * tfjs has no argsort; this asks `topk` for all of N distinct numbers, so that no order of equals is left open.
 *
 * @param buckets int32 [.., N], each below `count`
 */
export function sortByBucket(buckets: tf.Tensor, count: number): SortedTokens {
  const length = buckets.shape[buckets.rank - 1];
  const int = (value: number): tf.Scalar => tf.scalar(value, 'int32');
  return tf.tidy(() => {
    const positions = tf.range(0, length, 1, 'int32');
    // topk begins with the largest.
    const rank = tf.sub(int(count * length - 1), tf.add(tf.mul(buckets, int(length)), positions));
    const { indices: order } = tf.topk(rank, length);
    const { indices: place } = tf.topk(tf.sub(int(length - 1), order), length);
    return { order, place };
  });
}

/**
 * The rows `indices` of x [M, p], each row as often as any other; the gradient gathers too, where that of tf.gather would
 * scatter.
 *
 * @param indices int32 [K]
 * @param places int32 [K]: where in the result the copies of row 0 of x are, then those of row 1 and so on, K / M for each
 */
export function gatherRows(x: tf.Tensor2D, indices: tf.Tensor1D, places: tf.Tensor1D): tf.Tensor2D {
  const [rows, size] = x.shape;
  const gather = tf.customGrad((...inputs) => {
    const [x, save] = inputs as unknown as [tf.Tensor, tf.GradSaveFunc];
    save([places]);
    const gradFunc = (dy: tf.Tensor, [places]: tf.Tensor[]): tf.Tensor => {
      const copies = tf.gather(dy, places as tf.Tensor1D); // [K, p]
      return tf.sum(tf.reshape(copies, [rows, places.size / rows, size]), 1);
    };
    return { value: tf.gather(x, indices), gradFunc };
  });
  return gather(x) as tf.Tensor2D;
}
