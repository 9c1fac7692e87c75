import { autocast, foldIn, type RandomKey, randomBernoulli, scan } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { checkCount, checkShapes } from '../../check.js';
import { excluded } from '../../excluded.js';

/** Options of {@link blockwiseAttention}. */
export interface BlockwiseAttentionOptions {
  /** [B, N], 1 for a real key and 0 for a padded one. */
  mask?: tf.Tensor2D;
  /** A query sees no later key; then there are as many keys as queries. Default false. */
  causal?: boolean;
  /** Dropout on the weights. The mask of a block follows from the key and the block's place. */
  dropout?: { rate: number; key: RandomKey };
  /** The number of keys of a block. Default 128. */
  blockLength?: number;
}

/**
 * o_i = sum_j softmax_j(q_i . k_j / sqrt(p)) v_j, exactly, from blocks of keys: with the running maximum m_i, the sum l_i =
 * sum_j exp(s_ij - m_i) and o_i = sum_j exp(s_ij - m_i) v_j / l_i, all of which a new block only scales and adds to.
 *
 * Shapes: q [H, B, M, p], k [H, B, N, p], v [H, B, N, v] to [H, B, M, v]. Padded keys have no weight; a query without any key
 * to see gets zeros, with zero gradients. The gradient computes each block's weights anew from log(l_i) + m_i. So memory is
 * O(N block) instead of O(N^2), for a quarter more arithmetic. The weights themselves never exist in one piece, which is why
 * nobody can listen to them. Causal attention computes all blocks, too.
 *
 * An N that the block's length does not divide is padded at the end, unseen.
 *
 * Source: Rabe and Staats 2021, Dao et al. 2022. The softmax attention of this package is the same function.
 */
export function blockwiseAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  options: BlockwiseAttentionOptions = {},
): tf.Tensor4D {
  const { mask, causal = false, dropout, blockLength = 128 } = options;
  checkCount('blockwiseAttention', 'blockLength', blockLength);
  checkShapes('blockwiseAttention', {
    q: [q, 'H B M p'],
    k: [k, causal ? 'H B M p' : 'H B N p'],
    v: [v, causal ? 'H B M v' : 'H B N v'],
    ...(mask && { mask: [mask, causal ? 'B M' : 'B N'] }),
  });
  const scale = 1 / Math.sqrt(q.shape[3]);
  const attend = tf.customGrad((...inputs) => {
    const [q, k, v, save] = inputs as unknown as [tf.Tensor4D, tf.Tensor4D, tf.Tensor4D, tf.GradSaveFunc];
    const blocks = blocksOf(k.shape[2], blockLength, causal, dropout?.rate ?? 0);
    const { output, logSum } = forward(tf.mul(q, scale), blocks, k, v, mask, dropout?.key);
    save([q, k, v, output, logSum, ...(mask ? [mask] : []), ...(dropout ? [dropout.key] : [])]);
    const gradFunc = (dy: tf.Tensor, saved: tf.Tensor[]): tf.Tensor[] => {
      const [q, k, v, output, logSum, ...rest] = saved as tf.Tensor4D[];
      const kept = (mask ? rest.shift() : undefined) as tf.Tensor | undefined;
      const key = rest[0] as tf.Tensor as RandomKey | undefined;
      const scaled = tf.mul(q, scale) as tf.Tensor4D;
      const { dq, dk, dv } = backward(
        dy as tf.Tensor4D,
        { scaled, k, v, output, logSum },
        blocks,
        kept as tf.Tensor2D,
        key,
      );
      return [tf.mul(dq, scale), dk, dv];
    };
    return { value: output, gradFunc };
  });
  return tf.tidy(() => attend(q, k, v) as tf.Tensor4D);
}

interface Blocks {
  /** N. */
  length: number;
  count: number;
  /** The number of keys of each. */
  size: number;
  causal: boolean;
  dropoutRate: number;
}

function blocksOf(length: number, blockLength: number, causal: boolean, dropoutRate: number): Blocks {
  const size = Math.min(blockLength, length);
  return { length, count: Math.ceil(length / size), size, causal, dropoutRate };
}

/** Keys, values and mask, block after block. */
type Slices = { k: tf.Tensor4D; v: tf.Tensor4D; real?: tf.Tensor3D };

/** [H, B, N, p] to [C, H, B, b, p], and the mask to [C, B, 1, b]; without one only where the last block is not full. */
function cut(
  { length, count, size }: Blocks,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  mask: tf.Tensor2D | undefined,
): Record<string, tf.Tensor> {
  const whole = count * size;
  const sequence = (x: tf.Tensor4D): tf.Tensor => {
    const [heads, batch, , features] = x.shape;
    const padded = pad(x, 2, whole - length); // [H, B, C b, p]
    return tf.transpose(tf.reshape(padded, [heads, batch, count, size, features]), [2, 0, 1, 3, 4]); // [C, H, B, b, p]
  };
  const slices: Record<string, tf.Tensor> = { k: sequence(k), v: sequence(v) };
  if (mask === undefined && whole === length) return slices;
  const keys = mask ?? (tf.ones([1, length]) as tf.Tensor2D);
  const blocks = tf.reshape(pad(keys, 1, whole - length), [keys.shape[0], count, 1, size]);
  slices.real = tf.transpose(blocks, [1, 0, 2, 3]); // [C, B, 1, b]
  return slices;
}

function pad(x: tf.Tensor, axis: number, by: number): tf.Tensor {
  return by === 0 ? x : tf.pad(x, x.shape.map((_, i) => [0, i === axis ? by : 0]) as [number, number][]);
}

/** The scores of a block [H, B, M, b], and 1 for what a query may see of it, if that is not all: [B or 1, M or 1, b]. */
function scoresOf(
  scaled: tf.Tensor,
  { k, real }: Slices,
  { size, causal }: Blocks,
  index: tf.Scalar,
): { scores: tf.Tensor; allowed?: tf.Tensor } {
  const scores = tf.matMul(scaled, k, false, true); // [H, B, M, b]
  let allowed: tf.Tensor | undefined = real;
  if (causal) {
    const queries = tf.range(0, scores.shape[2] as number, 1, 'int32');
    const keys = tf.add(tf.range(0, size, 1, 'int32'), tf.mul(index, tf.scalar(size, 'int32')));
    const past = tf.cast(tf.lessEqual(keys, tf.expandDims(queries, 1)), 'float32'); // [M, b]
    allowed = allowed === undefined ? past : tf.mul(allowed, past);
  }
  if (allowed === undefined) return { scores };
  return { scores: tf.add(tf.mul(scores, allowed), tf.mul(tf.sub(allowed, 1), excluded)), allowed };
}

/** exp(s - shift); 0 where nothing may be seen, also in a row where that is everything. */
function weightsOf(
  { scores, allowed }: { scores: tf.Tensor; allowed?: tf.Tensor },
  shift: tf.Tensor,
): tf.Tensor {
  const weights = tf.exp(tf.sub(scores, shift));
  return allowed === undefined ? weights : tf.mul(weights, allowed);
}

/** What dropout does to the numbers of a block: the same each time that it is asked. */
function dropOf(rate: number, key: RandomKey | undefined, index: tf.Scalar): (x: tf.Tensor) => tf.Tensor {
  if (key === undefined || rate === 0) return (x) => x;
  return (x) => {
    const kept = randomBernoulli(foldIn(key, index), 1 - rate, x.shape);
    return tf.where(kept, tf.mul(x, 1 / (1 - rate)), tf.zerosLike(x));
  };
}

/** A sum over blocks in float32, also of products that an autocast stores as bf16: each addition would round. */
function accumulate(sum: tf.Tensor, addend: tf.Tensor): tf.Tensor {
  return autocast('float32', () => tf.add(sum, addend));
}

/** The output and log(sum_j exp(s_ij)), [H, B, M, 1]. */
function forward(
  scaled: tf.Tensor,
  blocks: Blocks,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  mask: tf.Tensor2D | undefined,
  key: RandomKey | undefined,
): { output: tf.Tensor4D; logSum: tf.Tensor } {
  const rows = scaled.shape.slice(0, 3);
  type Carry = { most: tf.Tensor; total: tf.Tensor; sums: tf.Tensor };
  const step = ({ most, total, sums }: Carry, block: Slices, index: tf.Scalar): [Carry, null] => {
    const seen = scoresOf(scaled, block, blocks, index);
    const next = tf.maximum(most, tf.max(seen.scores, 3, true)); // [H, B, M, 1]
    const weights = weightsOf(seen, next); // [H, B, M, b]
    const fade = tf.exp(tf.sub(most, next));
    const dropped = dropOf(blocks.dropoutRate, key, index)(weights);
    return [
      {
        most: next,
        total: tf.add(tf.mul(total, fade), tf.sum(weights, 3, true)),
        sums: accumulate(tf.mul(sums, fade), tf.matMul(dropped, block.v)),
      },
      null,
    ];
  };
  const start: Carry = {
    most: tf.fill([...rows, 1], -excluded),
    total: tf.zeros([...rows, 1]),
    sums: tf.zeros([...rows, v.shape[3]]),
  };
  const [{ most, total, sums }] = scan(step as never, start, cut(blocks, k, v, mask)) as [Carry, null];
  // Without any key the total is 0, and so are the sums.
  const divisor = tf.add(total, tf.cast(tf.equal(total, 0), 'float32'));
  return { output: tf.div(sums, divisor), logSum: tf.add(most, tf.log(divisor)) };
}

interface Saved {
  scaled: tf.Tensor4D;
  k: tf.Tensor4D;
  v: tf.Tensor4D;
  output: tf.Tensor4D;
  logSum: tf.Tensor;
}

/** Gradients in the scaled queries, keys and values. */
function backward(
  dy: tf.Tensor4D,
  { scaled, k, v, output, logSum }: Saved,
  blocks: Blocks,
  mask: tf.Tensor2D | undefined,
  key: RandomKey | undefined,
): { dq: tf.Tensor; dk: tf.Tensor; dv: tf.Tensor } {
  // sum_j w_ij dw_ij = dy_i . o_i, with dropout too.
  const inner = tf.sum(tf.mul(dy, output), 3, true); // [H, B, M, 1]
  type Parts = { dk: tf.Tensor; dv: tf.Tensor };
  const step = (dq: tf.Tensor, block: Slices, index: tf.Scalar): [tf.Tensor, Parts] => {
    const weights = weightsOf(scoresOf(scaled, block, blocks, index), logSum); // [H, B, M, b]
    const drop = dropOf(blocks.dropoutRate, key, index);
    const dv = tf.matMul(drop(weights), dy, true); // [H, B, b, v]
    const ofWeights = drop(tf.matMul(dy, block.v, false, true)); // [H, B, M, b]
    const ofScores = tf.mul(weights, tf.sub(ofWeights, inner));
    const dk = tf.matMul(ofScores, scaled, true); // [H, B, b, p]
    return [accumulate(dq, tf.matMul(ofScores, block.k)), { dk, dv }];
  };
  const [dq, parts] = scan(step as never, tf.zeros(scaled.shape) as tf.Tensor, cut(blocks, k, v, mask)) as [
    tf.Tensor,
    Parts,
  ];
  const { length, count, size } = blocks;
  /** [C, H, B, b, p] to [H, B, N, p]. */
  const joined = (x: tf.Tensor): tf.Tensor => {
    const [, heads, batch, , features] = x.shape as [number, number, number, number, number];
    const inOrder = tf.transpose(x as tf.Tensor5D, [1, 2, 0, 3, 4]); // [H, B, C, b, p]
    const all = tf.reshape(inOrder, [heads, batch, count * size, features]); // [H, B, C b, p]
    return tf.slice(all, 0, [heads, batch, length, features]);
  };
  return { dq, dk: joined(parts.dk), dv: joined(parts.dv) };
}
