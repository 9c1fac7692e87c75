import * as tf from '@tensorflow/tfjs';
import { linear } from '../../heads.js';
import type { FeatureMap } from './feature-map.js';

/*
 * The mathematics of primal.ts with heads side by side on the feature axis, queries before keys: [B, N, 2 H p] and
 * [B, N, 2 H s]. Nothing is transposed or concatenated, queries and keys come from one product, and so do all scores. The
 * price is a product with block-diagonal weights, 2 H times the arithmetic of a product per head: little beside the traffic of
 * transpositions as long as there are few heads.
 */

interface LinearWeights {
  readonly kernel: tf.Tensor2D;
  readonly bias: tf.Tensor1D;
}

/** [phi_q(W_q x), phi_k(W_k x)] with phi on each head's features: x [B, N, d] to [B, N, 2 d]. */
export function flatQueriesAndKeys(
  x: tf.Tensor3D,
  query: LinearWeights,
  key: LinearWeights,
  heads: number,
  maps: { readonly query: FeatureMap; readonly key: FeatureMap },
): tf.Tensor3D {
  const [batch, length, features] = x.shape;
  return tf.tidy(() => {
    const kernel = tf.concat([query.kernel, key.kernel], 1) as tf.Tensor2D; // [d, 2 d]
    const both = linear(x, kernel, tf.concat([query.bias, key.bias]) as tf.Tensor1D); // [B, N, 2 d]
    const split = tf.reshape(both, [batch, length, 2 * heads, features / heads]); // [B, N, 2 H, p]
    if (maps.query === maps.key) return tf.reshape(maps.query(split), [batch, length, 2 * features]);
    const [queries, keys] = tf.split(split, 2, 2); // [B, N, H, p] each
    return tf.reshape(tf.concat([maps.query(queries), maps.key(keys)], 2), [batch, length, 2 * features]);
  });
}

/**
 * [e, r]: one product of {@link flatQueriesAndKeys} with the projections of all heads as the diagonal blocks of one matrix.
 *
 * @param queriesAndKeys [B, N, 2 H p]
 * @param projectionE W_{e|X}, [H, B, p, s], or [H, 1, p, s] for all samples
 * @param projectionR W_{r|X}, likewise
 * @returns [B, N, 2 H s]
 */
export function flatScores(
  queriesAndKeys: tf.Tensor3D,
  projectionE: tf.Tensor4D,
  projectionR: tf.Tensor4D,
): tf.Tensor3D {
  return tf.tidy(() => {
    const blocks = [...byHead(projectionE), ...byHead(projectionR)]; // 2 H of [B, p, s]
    const rank = projectionE.shape[3];
    const rows = blocks.map((block, g) =>
      tf.pad(block, [
        [0, 0],
        [0, 0],
        [g * rank, (blocks.length - 1 - g) * rank],
      ]),
    ); // 2 H of [B, p, 2 H s]
    const matrix = tf.concat(rows, 1); // [B, 2 H p, 2 H s]
    const [batch, length, size] = queriesAndKeys.shape;
    if (matrix.shape[0] === batch) return tf.matMul(queriesAndKeys, matrix) as tf.Tensor3D;
    const together = tf.reshape(queriesAndKeys, [1, batch * length, size]);
    return tf.reshape(tf.matMul(together, matrix), [batch, length, matrix.shape[2]]) as tf.Tensor3D;
  });
}

/** [H, B, p, s] to H of [B, p, s]. */
function byHead(projection: tf.Tensor4D): tf.Tensor3D[] {
  const [heads, ...rest] = projection.shape;
  // The gradient of tfjs's unstack fails for a list of one.
  return heads === 1 ? [tf.reshape(projection, rest)] : (tf.unstack(projection) as tf.Tensor3D[]);
}

/** What W_c and W_out are together. */
export interface OutputMaps {
  /** C_h = W_c W_out[h] of e for each head, then of r, [2 H s, d]. */
  readonly combine: tf.Tensor2D;
  /** What W_c's bias becomes behind W_out, [1, d]. */
  readonly inner: tf.Tensor2D;
  /** W_out's own bias, [d]. */
  readonly bias: tf.Tensor1D;
}

/**
 * W_c and W_out multiplied out.
 *
 * @param combine W_c [2 s, p] and b_c [p]
 * @param output W_out [H p, d] and b_out [d]
 * @param by a matrix product, or sums of products by elements: a GPU has one program for those, and four for a product with what is
 *   converted and transposed around it, each of them longer in starting than in computing; a CPU has the product sooner
 */
export function foldedMaps(
  combine: LinearWeights,
  output: LinearWeights,
  by: 'product' | 'elements' = 'product',
): OutputMaps {
  const [pairs, size] = combine.kernel.shape;
  const [inputs, features] = output.kernel.shape;
  const heads = inputs / size;
  const byHead = tf.reshape(output.kernel, [heads, size, features]) as tf.Tensor3D;
  const blocks =
    by === 'product' ? productOfMaps(combine.kernel, byHead) : sumsOfMaps(combine.kernel, byHead);
  const folded = tf.reshape(blocks, [heads * pairs, features]) as tf.Tensor2D; // [2 H s, d]
  // A sum of products by elements, since a product of one row would be three programs of a GPU, with those of its gradient.
  const inner = tf.sum(tf.mul(byHead, tf.reshape(combine.bias, [1, size, 1])), [0, 1]);
  return { combine: folded, inner: tf.reshape(inner, [1, features]) as tf.Tensor2D, bias: output.bias };
}

/** W_c W_out[h], e before r: [2 s, p] and [H, p, d] to [2, H, s, d]. */
function productOfMaps(combine: tf.Tensor2D, byHead: tf.Tensor3D): tf.Tensor4D {
  const [heads, size, features] = byHead.shape;
  // [p, H d], so that one product serves all heads: [2 s, H d].
  const ofHeads = tf.reshape(tf.transpose(byHead, [1, 0, 2]), [size, heads * features]) as tf.Tensor2D;
  const products = tf.reshape(tf.matMul(combine, ofHeads), [2, combine.shape[0] / 2, heads, features]);
  return tf.transpose(products, [0, 2, 1, 3]) as tf.Tensor4D;
}

/** {@link productOfMaps} element by element. */
function sumsOfMaps(combine: tf.Tensor2D, byHead: tf.Tensor3D): tf.Tensor4D {
  const [pairs, size] = combine.shape;
  const [heads, , features] = byHead.shape;
  const products = tf.mul(
    tf.reshape(combine, [2, 1, pairs / 2, size, 1]),
    tf.reshape(byHead, [1, heads, 1, size, features]),
  );
  return tf.sum(products, 3); // of [2, H, s, p, d]
}

/**
 * o_i = W_out^T [heads: W_c^T [e_i ; r_i] + b_c] + b_out, times mask_i before W_out where there is a mask.
 *
 * W_c and W_out are multiplied first, C_h = W_c W_out[h]: then o = sum_h C_h^T [e_h ; r_h], and the concatenated heads are
 * never formed. The same numbers up to rounding.
 *
 * @param scores {@link flatScores}, [B, N, 2 H s]
 * @param maps {@link foldedMaps}
 * @returns [B, N, d]
 */
export function flatOutput(
  scores: tf.Tensor3D,
  { combine, inner, bias }: OutputMaps,
  mask: tf.Tensor2D | undefined,
): tf.Tensor3D {
  const [batch, length, columns] = scores.shape;
  return tf.tidy(() => {
    const rows = tf.matMul(tf.reshape(scores, [batch * length, columns]) as tf.Tensor2D, combine);
    let result = tf.reshape(tf.add(rows, inner), [batch, length, combine.shape[1]]);
    if (mask !== undefined) result = tf.mul(result, tf.expandDims(mask, 2));
    return tf.add(result, bias) as tf.Tensor3D;
  });
}

/**
 * The objective J per sample, [B]; see `ksvdObjective`, with all scores at once.
 *
 * @param scores [B, N, 2 H s]
 * @param lambda [H, s]
 * @param mask [B, N], of the positions that count; all without one
 */
export function flatObjective(
  scores: tf.Tensor3D,
  lambda: tf.Tensor2D,
  trace: tf.Scalar | tf.Tensor1D,
  mask?: tf.Tensor2D,
): tf.Tensor1D {
  return tf.tidy(() => objectiveOfMeans(meanOverTokens(tf.square(scores), mask), lambda, trace));
}

/** J of the means of e^2 and r^2 over the tokens. @param squares [B, 2 H s] */
export function objectiveOfMeans(
  squares: tf.Tensor2D,
  lambda: tf.Tensor2D,
  trace: tf.Scalar | tf.Tensor1D,
): tf.Tensor1D {
  return tf.tidy(() => {
    const weights = tf.reshape(tf.square(lambda), [1, lambda.size]); // [1, H s]
    const variance = tf.sum(tf.mul(squares, tf.concat([weights, weights], 1)), 1); // [B]
    return tf.sub(tf.mul(variance, 0.5 / lambda.shape[0]), trace) as tf.Tensor1D;
  });
}

/** The mean over real tokens, 0 of none: [B, N, c] to [B, c]. */
function meanOverTokens(x: tf.Tensor3D, mask: tf.Tensor2D | undefined): tf.Tensor2D {
  const [batch, length, columns] = x.shape;
  if (mask === undefined) return tf.mul(tf.sum(x, 1), 1 / length);
  const sums = tf.reshape(tf.matMul(tf.expandDims(mask, 1), x), [batch, columns]); // [B, c]
  return tf.div(sums, tf.maximum(tf.sum(mask, 1, true), 1));
}

/** Side by side to heads first: part 0 (queries, e) or 1 (keys, r) of [B, N, 2 H c] as [H, B, N, c]. */
export function headsOf(x: tf.Tensor3D, part: 0 | 1, heads: number): tf.Tensor4D {
  const [batch, length, size] = x.shape;
  return tf.tidy(() => {
    const half = tf.slice(x, [0, 0, (part * size) / 2], [batch, length, size / 2]);
    return tf.transpose(tf.reshape(half, [batch, length, heads, size / 2 / heads]), [2, 0, 1, 3]);
  });
}
