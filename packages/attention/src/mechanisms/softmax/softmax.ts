import { scan } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { checkOneOf, checkShapes } from '../../check.js';
import { excluded } from '../../excluded.js';

/**
 * What a mask does to the score of a padded key, and `causal` to that of a later key.
 *
 * - `exact`: neither has any weight. A query that no real key is left for gets zeros, with zero gradients.
 * - `additive`: 1e6 is taken from the score of a padded key, as in the official LRA code. The same numbers, exactly, as long
 *   as one key is real; a sample whose keys are all padded gets about the plain mean of its values (finite, but no mask at
 *   all). Later keys have no weight.
 * - `gpt2`: -1e4 replaces the score of a later key, and 1e4 is taken from that of a padded one, later or not, as in the
 *   official Decision Transformer code. The same numbers as long as the first key is real and scores are small beside 1e4;
 *   otherwise padded keys have weight, and later ones too.
 */
export type MaskMode = 'exact' | 'additive' | 'gpt2';
export const maskModes: readonly MaskMode[] = ['exact', 'additive', 'gpt2'];

/** Options of {@link softmaxAttention}. */
export interface SoftmaxAttentionOptions {
  /** [B, N], 1 for a real key and 0 for a padded one. */
  mask?: tf.Tensor2D;
  /** Keeps queries from the keys after them: j <= i. Default false. */
  causal?: boolean;
  /** Default `exact`. */
  maskMode?: MaskMode;
  /** Applied to the weights before they meet the values: dropout. */
  transformWeights?: (weights: tf.Tensor4D) => tf.Tensor4D;
}

const additivePenalty = 1e6;
const gpt2Penalty = 1e4;

/**
 * o_i = sum_j softmax_j(q_i . k_j / sqrt(p)) v_j; with `causal`, over j <= i.
 *
 * Shapes: q, k, v [H, B, N, p] to output [H, B, N, p] and weights [H, B, N, N] (before `transformWeights`). Padded queries
 * are computed like any other.
 *
 * How ours differs from the official code: see {@link MaskMode}; its LRA code is `additive`, its Decision Transformer
 * `causal` and `gpt2`, its UEA code has no mask.
 */
export function softmaxAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  options: SoftmaxAttentionOptions = {},
): { output: tf.Tensor4D; weights: tf.Tensor4D } {
  const { mask, causal = false, maskMode = 'exact', transformWeights } = options;
  checkOneOf('softmaxAttention', 'maskMode', maskMode, maskModes);
  checkShapes('softmaxAttention', {
    q: [q, causal ? 'H B N p' : 'H B M p'],
    k: [k, 'H B N p'],
    v: [v, 'H B N v'],
    ...(mask && { mask: [mask, 'B N'] }),
  });
  const size = q.shape[3];
  // Scaling the queries instead of the scores is one pass over N p numbers instead of N^2.
  let scores = tf.matMul(tf.mul(q, 1 / Math.sqrt(size)), k, false, true) as tf.Tensor4D; // [H, B, N, N]
  const earlier = causal ? lowerTriangle(k.shape[2]) : undefined; // [N, N]
  const real = mask && tf.expandDims(mask, 1); // [B, 1, N]

  if (maskMode === 'gpt2' && earlier) {
    scores = tf.sub(tf.mul(scores, earlier), tf.mul(tf.sub(1, earlier), gpt2Penalty));
  }
  if (maskMode !== 'exact' && real) {
    const penalty = maskMode === 'gpt2' ? gpt2Penalty : additivePenalty;
    scores = tf.sub(scores, tf.mul(tf.sub(1, real), penalty));
  }
  // 1 for the keys that have weight at all, [N, N], [B, 1, N] or [B, N, N]; else 0.
  let allowed: tf.Tensor | undefined = maskMode === 'gpt2' ? undefined : earlier;
  if (maskMode === 'exact' && real) allowed = allowed ? tf.mul(allowed, real) : real;
  if (allowed === undefined) return attend(scores);
  const { output, weights } = attend(tf.sub(tf.mul(scores, allowed), tf.mul(tf.sub(1, allowed), excluded)));
  if (maskMode !== 'exact' || real === undefined) return { output, weights };
  // With no key left the softmax is uniform over those without weight: the values of that query are taken away.
  const anyKey = tf.max(allowed, -1, true); // [B, 1, 1] or [B, N, 1]
  return { output: tf.mul(output, anyKey), weights: tf.mul(weights, anyKey) };

  function attend(from: tf.Tensor4D): { output: tf.Tensor4D; weights: tf.Tensor4D } {
    const weights = tf.softmax(from);
    const used = transformWeights === undefined ? weights : transformWeights(weights);
    return { output: tf.matMul(used, v) as tf.Tensor4D, weights };
  }
}

/** 1 where j <= i, else 0: [N, N], row i and column j. */
function lowerTriangle(length: number): tf.Tensor2D {
  const positions = tf.range(0, length);
  return tf.cast(tf.greaterEqual(tf.reshape(positions, [length, 1]), positions), 'float32');
}

/**
 * The output of {@link softmaxAttention}, one head of one sample after the other.
 *
 * One N x N matrix exists at a time, in the gradient too, which computes each anew: memory O(N^2) instead of O(B H N^2), for
 * the price of a sixth more arithmetic. On a CPU it is the faster form as well, since the matrix stays in the cache.
 *
 * The same numbers up to rounding; random numbers of `transformWeights` are others, since it is called for each matrix,
 * [1, 1, N, N], with the keys of `scan`.
 */
export function softmaxAttentionByHead(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  options: SoftmaxAttentionOptions = {},
): tf.Tensor4D {
  const { mask, ...others } = options;
  checkShapes('softmaxAttentionByHead', {
    q: [q, options.causal ? 'H B N p' : 'H B M p'],
    k: [k, 'H B N p'],
    v: [v, 'H B N v'],
    ...(mask && { mask: [mask, 'B N'] }),
  });
  const [heads, batch, queries] = q.shape;
  const apart = (x: tf.Tensor4D): tf.Tensor => tf.reshape(x, [heads * batch, 1, 1, x.shape[2], x.shape[3]]); // [H B, 1, 1, N, p]
  return tf.tidy(() => {
    const slices: Record<string, tf.Tensor> = { q: apart(q), k: apart(k), v: apart(v) };
    if (mask !== undefined) {
      slices.mask = tf.reshape(tf.tile(mask, [heads, 1]), [heads * batch, 1, mask.shape[1]]); // [H B, 1, N]
    }
    const [, outputs] = scan(
      (_: null, one: Record<string, tf.Tensor>) => {
        const { output } = softmaxAttention(
          one.q as tf.Tensor4D,
          one.k as tf.Tensor4D,
          one.v as tf.Tensor4D,
          { ...others, mask: one.mask as tf.Tensor2D | undefined },
        );
        return [null, output];
      },
      null,
      slices,
    );
    return tf.reshape(outputs, [heads, batch, queries, v.shape[3]]) as tf.Tensor4D;
  });
}
