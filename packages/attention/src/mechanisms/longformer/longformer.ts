import * as tf from '@tensorflow/tfjs';
import { checkShapes, isCount } from '../../check.js';
import { excluded } from '../../excluded.js';
import { softmaxAttention } from '../softmax/softmax.js';

/** The first tokens see all others, and are seen by all. */
export interface GlobalTokens {
  /** How many of the first tokens are global. */
  count: number;
  /** The queries of the global tokens, and every token's keys and values for them; default: those of the window. */
  projections?: { q: tf.Tensor4D; k: tf.Tensor4D; v: tf.Tensor4D };
}

/** Options of {@link longformerAttention}. */
export interface LongformerAttentionOptions {
  /** 2 w: token i sees tokens i - w .. i + w. An even number. */
  window: number;
  /** [B, N], 1 for a real token and 0 for a padded one. */
  mask?: tf.Tensor2D;
  global?: GlobalTokens;
  /** Applied to the weights before they meet the values: dropout. */
  transformWeights?: (weights: tf.Tensor) => tf.Tensor;
}

/** @throws Error unless the window is one that {@link longformerAttention} takes */
export function checkWindow(caller: string, window: unknown): void {
  if (!isCount(window) || window % 2 !== 0) {
    throw new Error(`${caller}: window must be a positive even number of tokens, got ${String(window)}`);
  }
}

/**
 * o_i = sum_{j in S_i} softmax_{j in S_i}(q_i . k_j / sqrt(p)) v_j with S_i = {j : |i - j| <= w or j global}; a global token
 * sees all, S_i = {1 .. N}, with projections of its own: attention in a sliding window.
 *
 * Shapes: q, k, v and the global tokens' projections [H, B, N, p] to [H, B, N, p]. The mask takes padded keys out of every
 * S_i and makes a padded query's output 0.
 *
 * The sequence is cut into chunks of w tokens, of which each sees itself and its two neighbours: memory O(N w), and a third
 * of the 3 w scores of a token are outside its window. An N that w does not divide is padded at the end, unseen.
 *
 * How ours differs from the official code: global tokens are the first ones, not any; a padded one of them is no key and has
 * output 0, where the official mask has no such token. Its older versions took 10,000 from a padded key's score instead of
 * leaving it out, which is the same number unless all keys of a window are padded.
 *
 * Source: Beltagy et al. 2020; huggingface/transformers, models/longformer/modeling_longformer.py, LongformerSelfAttention.
 */
export function longformerAttention(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  options: LongformerAttentionOptions,
): tf.Tensor4D {
  const { window, mask, global, transformWeights = (weights) => weights } = options;
  checkWindow('longformerAttention', window);
  if (global !== undefined && !isCount(global.count)) {
    throw new Error(`longformerAttention: global.count must be a positive integer, got ${global.count}`);
  }
  const own = global?.projections;
  checkShapes('longformerAttention', {
    q: [q, 'H B N p'],
    k: [k, 'H B N p'],
    v: [v, 'H B N v'],
    ...(own && {
      'global q': [own.q, 'H B N p'],
      'global k': [own.k, 'H B N p'],
      'global v': [own.v, 'H B N v'],
    }),
    ...(mask && { mask: [mask, 'B N'] }),
  });
  const [heads, batch, length, size] = q.shape;
  const globals = Math.min(global?.count ?? 0, length);
  return tf.tidy(() => {
    const firsts = (x: tf.Tensor4D): tf.Tensor4D => tf.slice(x, 0, [heads, batch, globals, x.shape[3]]);
    const scaled = tf.mul(q, 1 / Math.sqrt(size)) as tf.Tensor4D;
    const seen = globals === 0 ? undefined : { k: firsts(k), v: firsts(v) };
    const local = windowed(scaled, k, v, window / 2, mask, seen, transformWeights);
    const output = mask === undefined ? local : (tf.mul(local, tf.expandDims(mask, 2)) as tf.Tensor4D);
    if (globals === 0) return output;

    const { output: all } = softmaxAttention(firsts(own?.q ?? q), own?.k ?? k, own?.v ?? v, {
      mask,
      transformWeights: transformWeights as (weights: tf.Tensor4D) => tf.Tensor4D,
    }); // [H, B, g, p]
    const real = mask && tf.expandDims(tf.slice(mask, 0, [batch, globals]), 2); // [B, g, 1]
    const ofGlobals = real === undefined ? all : (tf.mul(all, real) as tf.Tensor4D);
    if (globals === length) return ofGlobals;
    const rest = tf.slice(output, [0, 0, globals, 0], [heads, batch, length - globals, v.shape[3]]);
    return tf.concat([ofGlobals, rest as tf.Tensor4D], 2);
  });
}

/** Every token as one that sees its window and the global tokens; q is scaled. */
function windowed(
  q: tf.Tensor4D,
  k: tf.Tensor4D,
  v: tf.Tensor4D,
  reach: number,
  mask: tf.Tensor2D | undefined,
  global: { k: tf.Tensor4D; v: tf.Tensor4D } | undefined,
  transform: (weights: tf.Tensor) => tf.Tensor,
): tf.Tensor4D {
  const [heads, batch, length, size] = q.shape;
  const globals = global === undefined ? 0 : global.k.shape[2];
  const chunk = Math.min(reach, length);
  const count = Math.ceil(length / chunk);
  const whole = count * chunk;
  // A single chunk has no neighbours.
  const before = count === 1 ? 0 : chunk;
  const span = chunk + 2 * before;

  /** Pads axis `axis` to whole chunks, and with a chunk more on both sides if `sides`. */
  const padded = <T extends tf.Tensor>(x: T, axis: number, sides: boolean): T =>
    tf.pad(
      x,
      x.shape.map((_, i) =>
        i === axis ? [sides ? before : 0, whole - length + (sides ? before : 0)] : [0, 0],
      ) as [number, number][],
    );
  /** Each chunk's tokens with those of its neighbours: [.., N, rest] to [.., C, 3 w, rest]. */
  const spans = (x: tf.Tensor, axis: number): tf.Tensor => {
    const wide = padded(x, axis, true); // [.., (C + 2) w, rest]
    const [outer, rest] = [x.shape.slice(0, axis), x.shape.slice(axis + 1)];
    const parts = Array.from({ length: span / chunk }, (_, i) => {
      const begin = wide.shape.map((_, a) => (a === axis ? i * chunk : 0));
      const part = tf.slice(wide, begin, [...outer, whole, ...rest]); // [.., C w, rest]
      return tf.reshape(part, [...outer, count, chunk, ...rest]);
    });
    return parts.length === 1 ? parts[0] : tf.concat(parts, axis + 1); // [.., C, 3 w, rest]
  };

  const queries = tf.reshape(padded(q, 2, false), [heads, batch, count, chunk, size]); // [H, B, C, w, p]
  let scores = tf.matMul(queries, spans(k, 2), false, true); // [H, B, C, w, 3 w]
  // What a chunk may see: its window, without padding, and without global tokens, which are seen beside the window.
  const keys = mask ?? (tf.ones([1, length]) as tf.Tensor2D);
  const others = globals === 0 ? keys : tf.mul(keys, tf.greaterEqual(tf.range(0, length), globals));
  const allowed = tf.mul(tf.expandDims(spans(others, 1), 2), band(chunk, span, before, reach)); // [B, C, w, 3 w]
  scores = tf.add(scores, penalty(allowed));
  if (global === undefined) return joined(tf.matMul(transform(tf.softmax(scores)), spans(v, 2)));

  const flat = tf.reshape(queries, [heads, batch, whole, size]); // [H, B, C w, p]
  const toGlobals = tf.matMul(flat, global.k, false, true); // [H, B, C w, g]
  const realGlobals = tf.expandDims(tf.slice(keys, 0, [keys.shape[0], globals]), 1); // [B, 1, g]
  const ofGlobals = tf.reshape(tf.add(toGlobals, penalty(realGlobals)), [
    heads,
    batch,
    count,
    chunk,
    globals,
  ]);
  const weights = transform(tf.softmax(tf.concat([ofGlobals, scores], 4))); // [H, B, C, w, g + 3 w]
  const [first, second] = tf.split(weights, [globals, span], 4);
  const fromGlobals = tf.matMul(tf.reshape(first, [heads, batch, whole, globals]), global.v); // [H, B, C w, p]
  const fromWindow = tf.matMul(second, spans(v, 2)); // [H, B, C, w, p]
  return joined(tf.add(fromWindow, tf.reshape(fromGlobals, fromWindow.shape)));

  /** [H, B, C, w, p] to [H, B, N, p]. */
  function joined(x: tf.Tensor): tf.Tensor4D {
    const all = tf.reshape(x, [heads, batch, whole, v.shape[3]]); // [H, B, C w, p]
    return tf.slice(all, 0, [heads, batch, length, v.shape[3]]) as tf.Tensor4D;
  }
}

/** 1 where |i - j| <= w, for token i of a chunk and token j of its span: [w, 3 w]. */
function band(chunk: number, span: number, before: number, reach: number): tf.Tensor2D {
  const distance = tf.sub(tf.expandDims(tf.range(0, chunk), 1), tf.sub(tf.range(0, span), before));
  return tf.cast(tf.lessEqual(tf.abs(distance), reach), 'float32') as tf.Tensor2D;
}

/** 0 where allowed is 1, and far below every score where it is 0. */
function penalty(allowed: tf.Tensor): tf.Tensor {
  return tf.mul(tf.sub(allowed, 1), excluded);
}
