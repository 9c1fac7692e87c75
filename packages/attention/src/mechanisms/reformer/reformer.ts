import { stopGradient } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { checkCount, checkShapes } from '../../check.js';
import { bucketFactors, checkBuckets, gatherRows, hashBuckets, sortByBucket } from './hashing.js';

/** Options of {@link reformerAttention}. */
export interface ReformerAttentionOptions {
  /** The random directions of the hashes, [H, p, hashes, buckets / 2]; with factors n_1, n_2: (n_1 + n_2) / 2 of them. */
  rotations?: tf.Tensor4D;
  /** c, the number of tokens of a chunk. Default 64. */
  chunkLength?: number;
  /** How many chunks before its own, and after, a token sees. Default 1 and 0. */
  chunksBefore?: number;
  chunksAfter?: number;
  /** The number of buckets, or its factors. Default: {@link bucketFactors} of the padded length. */
  buckets?: number | readonly number[];
  /** A token sees no later one. Which tokens share its chunk still follows from all of them. Default false. */
  causal?: boolean;
  /** [B, N], 1 for a real token and 0 for a padded one. */
  mask?: tf.Tensor2D;
  /** Applied to the weights before they meet the values: dropout. */
  transformWeights?: (weights: tf.Tensor) => tf.Tensor;
}

/** What {@link reformerAttention} gives. */
export interface ReformerResult {
  /** [H, B, N, p] */
  output: tf.Tensor4D;
  /** Int32 [H, B, hashes, N], N padded to whole chunks; hash r counts on from r times the number of buckets. */
  buckets?: tf.Tensor4D;
  /** Int32 [H, B, hashes N]: the tokens of all hashes, each hash's token j as r N + j, sorted by bucket and position. */
  sorted?: tf.Tensor3D;
}

/** The official scores of what is not seen, and of the token itself, which is seen where there is nothing else. */
const hiddenScore = -1e9;
const ownScore = -1e5;

/** The shortest sequence that is hashed has more than one chunk. */
export function isHashed(length: number, chunkLength: number): boolean {
  return length > chunkLength;
}

/** N rounded up to whole chunks. */
export function paddedLength(length: number, chunkLength: number): number {
  return isHashed(length, chunkLength) ? Math.ceil(length / chunkLength) * chunkLength : length;
}

/**
 * o_i = sum_r exp(L_r,i - logsumexp_r L_r,i) sum_{j in S_r,i} softmax_j(x_i . k_j) v_j,  k_j = x_j / sqrt(mean(x_j^2) + 1e-6) /
 * sqrt(p): attention among tokens of like hashes, with queries and keys from one vector. In round r the tokens are sorted by
 * bucket and cut into chunks of c; S_r,i are the tokens of i's chunk and of the chunk before, and L_r,i is the logarithm of
 * its softmax's denominator.
 *
 * Shapes: x, v [H, B, N, p] to [H, B, N, p]. Sequences of up to c tokens are one chunk, without hashes. A token sees itself
 * only where it sees nothing else (score -1e5; padded keys have -1e9). Chunks of all rounds form a ring: the first of a
 * round looks back on the last of the round before, the very first on the very last. With a padded token in the batch, all
 * padded tokens have a bucket of their own, the last. An N that c does not divide is padded at the end.
 *
 * The mask hides padded keys; padded queries are computed like any other, a sample without a real token gives each token its
 * own value. More padding is another division into chunks, and other results.
 *
 * How ours differs from the official code: rounds are merged by adding their numerators and denominators, which is the same
 * sum; the official layer refuses an N that c does not divide, and its model pads as we do here.
 *
 * Source: Kitaev et al. 2020; huggingface/transformers, models/reformer/modeling_reformer.py, LSHSelfAttention.
 */
export function reformerAttention(
  x: tf.Tensor4D,
  v: tf.Tensor4D,
  options: ReformerAttentionOptions = {},
): ReformerResult {
  const { chunkLength = 64, chunksBefore = 1, chunksAfter = 0, rotations, mask } = options;
  checkCount('reformerAttention', 'chunkLength', chunkLength);
  const [heads, batch, length, size] = x.shape;
  const hashed = isHashed(length, chunkLength);
  checkShapes('reformerAttention', {
    x: [x, 'H B N p'],
    v: [v, 'H B N v'],
    ...(mask && { mask: [mask, 'B N'] }),
    ...(hashed && rotations && { rotations: [rotations, 'H p R b'] }),
  });
  const flat = (z: tf.Tensor4D, tokens: number): tf.Tensor2D =>
    tf.reshape(z, [heads * batch * tokens, z.shape[3]]); // [H B N, p]
  const everyHead = (m: tf.Tensor2D): tf.Tensor2D => tf.tile(m, [heads, 1]); // [H B, N]

  return tf.tidy(() => {
    if (!hashed) {
      const positions = tf.reshape(tf.range(0, length, 1, 'int32'), [1, 1, length]);
      const real = mask && tf.reshape(everyHead(mask), [heads * batch, 1, length]);
      const chunks = { count: 1, chunkLength: length, before: 0, after: 0 };
      const { sums, total } = attendChunks(
        flat(x, length),
        flat(v, length),
        positions,
        real,
        chunks,
        options,
      );
      return { output: tf.reshape(tf.div(sums, total), v.shape) as tf.Tensor4D };
    }

    const whole = paddedLength(length, chunkLength);
    const factors =
      options.buckets === undefined ? bucketFactors(whole, chunkLength) : [options.buckets].flat();
    checkBuckets('reformerAttention', factors);
    const columns = factors.reduce((sum, n) => sum + n, 0) / 2;
    if (rotations === undefined || rotations.shape[3] !== columns) {
      throw new Error(
        `reformerAttention: ${length} tokens in ${factors.join(' x ')} buckets need rotations [${heads}, ${size}, hashes, ` +
          `${columns}], got ${rotations === undefined ? 'none' : `[${rotations.shape}]`}`,
      );
    }
    const hashes = rotations.shape[2];
    const padded = (z: tf.Tensor, axis: number): tf.Tensor =>
      tf.pad(z, z.shape.map((_, i) => [0, i === axis ? whole - length : 0]) as [number, number][]);
    const [wideX, wideV] = [padded(x, 2), padded(v, 2)] as [tf.Tensor4D, tf.Tensor4D];
    const real =
      mask === undefined && whole === length
        ? undefined
        : everyHead(padded(mask ?? tf.ones([batch, length]), 1) as tf.Tensor2D); // [H B, N]

    const int = (value: number): tf.Scalar => tf.scalar(value, 'int32');
    const count = factors.reduce((product, n) => product * n, 1);
    let buckets: tf.Tensor = hashBuckets(stopGradient(wideX), rotations, factors); // [H, B, hashes, N]
    let extra: tf.Tensor = int(0);
    if (real !== undefined) {
      const isReal = tf.reshape(tf.cast(real, 'int32'), [heads, batch, 1, whole]);
      const own = tf.mul(tf.sub(int(1), isReal), int(count));
      buckets = tf.add(tf.mul(buckets, isReal), own);
      extra = tf.sub(int(1), tf.min(isReal));
    }
    const { order, place } = sortByBucket(buckets, count + 1); // [H, B, hashes, N] each
    const rounds = tf.reshape(tf.range(0, hashes, 1, 'int32'), [hashes, 1]);
    const numbered = tf.add(buckets, tf.mul(rounds, tf.add(extra, int(count))));
    const inRound = tf.mul(rounds, int(whole));

    // Rows of x [H B N, p] and of what is sorted, [H B hashes N, p].
    const sequence = tf.reshape(tf.range(0, heads * batch, 1, 'int32'), [heads, batch, 1, 1]);
    const rowOf = (of: tf.Tensor, rows: tf.Tensor): tf.Tensor1D => tf.reshape(tf.add(of, rows), [-1]);
    const fromToken = rowOf(order, tf.mul(sequence, int(whole)));
    const ofRound = tf.add(tf.mul(sequence, int(hashes * whole)), inRound); // [H, B, hashes, 1]
    const toSorted = rowOf(place, ofRound);
    const toToken = rowOf(order, ofRound);
    // Where each token's copies are, token by token.
    const copies = tf.reshape(tf.transpose(tf.add(place, ofRound), [0, 1, 3, 2]), [-1]) as tf.Tensor1D;
    const chunks = {
      count: (hashes * whole) / chunkLength,
      chunkLength,
      before: chunksBefore,
      after: chunksAfter,
    };
    const inChunks = [heads * batch, chunks.count, chunkLength];
    const { sums, total, most } = attendChunks(
      gatherRows(flat(wideX, whole), fromToken, copies),
      gatherRows(flat(wideV, whole), fromToken, copies),
      tf.reshape(order, inChunks),
      real && tf.reshape(tf.gather(tf.reshape(real, [-1]), fromToken), inChunks),
      chunks,
      options,
    );

    /** Back in the tokens' order: [H B hashes N, p] to [H B, hashes, N, p]. */
    const inOrder = (z: tf.Tensor): tf.Tensor =>
      tf.reshape(gatherRows(z as tf.Tensor2D, toSorted, toToken), [heads * batch, hashes, whole, -1]);
    const largest = tf.reshape(tf.gather(most, toSorted), [heads * batch, hashes, whole, 1]);
    const weight = tf.exp(tf.sub(largest, tf.max(largest, 1, true))); // [H B, hashes, N, 1]
    const merged = (z: tf.Tensor): tf.Tensor => tf.sum(tf.mul(inOrder(z), weight), 1); // [H B, N, p]
    const output = tf.reshape(tf.div(merged(sums), merged(total)), wideV.shape);
    return {
      output: tf.slice(output, 0, v.shape) as tf.Tensor4D,
      buckets: numbered as tf.Tensor4D,
      sorted: tf.reshape(tf.add(order, inRound), [heads, batch, hashes * whole]) as tf.Tensor3D,
    };
  });
}

interface Chunks {
  count: number;
  chunkLength: number;
  before: number;
  after: number;
}

/**
 * Softmax attention within chunks and their neighbours on the ring, before the division: with m = max_j s_ij,
 * `sums` = sum_j exp(s_ij - m) v_j [rows, p], `total` = sum_j exp(s_ij - m) [rows, 1] and `most` = m [rows]. No gradient goes
 * through m, whose choice cancels when sums are divided by totals.
 *
 * @param x sorted rows [H B C c, p]
 * @param positions of the rows in their sequence, [H B or 1, C, c]
 * @param real 1 or 0 for each row, [H B, C, c]
 */
function attendChunks(
  x: tf.Tensor2D,
  v: tf.Tensor2D,
  positions: tf.Tensor,
  real: tf.Tensor | undefined,
  { count, chunkLength, before, after }: Chunks,
  { causal = false, transformWeights = (weights) => weights }: ReformerAttentionOptions,
): { sums: tf.Tensor2D; total: tf.Tensor2D; most: tf.Tensor1D } {
  const [rows, size] = x.shape;
  const sequences = rows / (count * chunkLength);
  const seen = (before + 1 + after) * chunkLength;
  const inChunks = (z: tf.Tensor): tf.Tensor =>
    tf.reshape(z, [sequences, count, chunkLength, z.shape[1] as number]); // [H B, C, c, p]
  /** Each chunk with its neighbours on the ring: [H B, C, c, rest] to [H B, C, (before + 1 + after) c, rest]. */
  const withNeighbours = (z: tf.Tensor): tf.Tensor => {
    const turned = Array.from({ length: before + 1 + after }, (_, i) => {
      const by = (((i - before) % count) + count) % count;
      if (by === 0) return z;
      const [head, tail] = tf.split(z, [by, count - by], 1);
      return tf.concat([tail, head], 1);
    });
    return turned.length === 1 ? z : tf.concat(turned, 2);
  };

  const meanSquare = tf.mean(tf.square(x), 1, true); // [rows, 1]
  const keys = tf.mul(x, tf.mul(tf.rsqrt(tf.add(meanSquare, 1e-6)), 1 / Math.sqrt(size)));
  let scores = tf.matMul(inChunks(x), withNeighbours(inChunks(keys)), false, true); // [H B, C, c, seen]
  const queryPosition = tf.expandDims(positions, 3); // [H B, C, c, 1]
  const keyPosition = tf.expandDims(withNeighbours(positions), 2); // [H B, C, 1, seen]
  let visible = real && tf.expandDims(withNeighbours(real), 2); // [H B, C, 1, seen]
  if (causal) {
    const past = tf.cast(tf.lessEqual(keyPosition, queryPosition), 'float32');
    visible = visible === undefined ? past : tf.mul(visible, past);
  }
  const fixed = (kept: tf.Tensor, score: number): void => {
    scores = tf.add(tf.mul(scores, kept), tf.mul(tf.sub(1, kept), score));
  };
  if (visible !== undefined) fixed(visible, hiddenScore);
  fixed(tf.cast(tf.notEqual(queryPosition, keyPosition), 'float32'), ownScore);

  const most = tf.max(tf.reshape(stopGradient(scores), [rows, seen]), 1) as tf.Tensor1D; // [rows]
  const weights = tf.exp(tf.sub(scores, tf.reshape(most, [sequences, count, chunkLength, 1]))); // [H B, C, c, seen]
  const sums = tf.matMul(transformWeights(weights), withNeighbours(inChunks(v))); // [H B, C, c, p]
  return {
    sums: tf.reshape(sums, [rows, v.shape[1]]),
    total: tf.reshape(tf.sum(weights, 3), [rows, 1]),
    most,
  };
}
