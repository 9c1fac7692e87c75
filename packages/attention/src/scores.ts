import { Probe } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import type { PrimalLayer } from './mechanisms/primal/base.js';
import type { PrimalAttention } from './mechanisms/primal/layer.js';
import type { SoftmaxAttention } from './mechanisms/softmax/layer.js';

/**
 * What a Primal layer of any form computed in one call. The tensors live until the listener returns: `tf.keep` those that
 * are to stay.
 */
export interface ProjectionScoresEvent {
  layer: string;
  /** phi_q, the queries after the feature map, [B, H, N, p]. */
  queries: tf.Tensor4D;
  /** phi_k, the keys after the feature map, [B, H, N, p]. */
  keys: tf.Tensor4D;
  /** The query-side scores, [B, H, N, s]. */
  e: tf.Tensor4D;
  /** The key-side scores, [B, H, N, s]. */
  r: tf.Tensor4D;
  /** W_{e|X} = f(X)^T W_e, [B, H, p, s]; of data-independent weights W_e itself, [1, H, p, s]. */
  projectionE: tf.Tensor4D;
  /** W_{r|X} = f(X)^T W_r, [B, H, p, s]; of data-independent weights W_r itself, [1, H, p, s]. */
  projectionR: tf.Tensor4D;
}

/** What a Primal layer with data-dependent weights computed in one call. */
export interface PrimalScoresEvent extends ProjectionScoresEvent {
  /** f(X), [B, H, n, p]. */
  landmarks: tf.Tensor4D;
}

/** What a softmax layer computed in one call. The tensors live until the listener returns: `tf.keep` those that are to stay. */
export interface SoftmaxScoresEvent {
  layer: string;
  /** [B, H, N, p]. */
  queries: tf.Tensor4D;
  /** [B, H, N, p]. */
  keys: tf.Tensor4D;
  /** [B, H, N, p]. */
  values: tf.Tensor4D;
  /** The attention matrix before dropout, [B, H, N, N]. */
  weights: tf.Tensor4D;
}

type ScoresEvent = ProjectionScoresEvent | SoftmaxScoresEvent;
const probes = new WeakMap<tf.layers.Layer, Probe<ScoresEvent>>();

/**
 * Hears what an attention layer computes, at each of its calls: for spectra, probes and tests.
 *
 * Nothing is computed or kept for a layer that nobody listens to. Inside `jit` the tensors are outputs of another program,
 * and the listener is called after each call of the compiled function. See `Probe` of @primal-attention/runtime.
 *
 * @returns ends the subscription
 */
export function onScores(layer: PrimalAttention, listener: (event: PrimalScoresEvent) => void): () => void;
export function onScores(layer: PrimalLayer, listener: (event: ProjectionScoresEvent) => void): () => void;
export function onScores(layer: SoftmaxAttention, listener: (event: SoftmaxScoresEvent) => void): () => void;
export function onScores(
  layer: PrimalLayer | SoftmaxAttention,
  listener:
    | ((event: PrimalScoresEvent) => void)
    | ((event: ProjectionScoresEvent) => void)
    | ((event: SoftmaxScoresEvent) => void),
): () => void {
  let probe = probes.get(layer);
  if (probe === undefined) {
    probe = new Probe<ScoresEvent>();
    probes.set(layer, probe);
  }
  // A layer emits events of its own kind only.
  return probe.subscribe(listener as (event: ScoresEvent) => void);
}

/** True while somebody listens to the layer. */
export function areScoresHeard(layer: tf.layers.Layer): boolean {
  return probes.get(layer)?.heard ?? false;
}

/** Tells a layer's listeners, if there are any; the head-major tensors become batch-major then. */
export function emitScores(layer: tf.layers.Layer, headMajor: () => Record<string, tf.Tensor4D>): void {
  probes.get(layer)?.emit(() => {
    const event: Record<string, unknown> = { layer: layer.name };
    for (const [name, tensor] of Object.entries(headMajor())) {
      event[name] = tf.transpose(tensor, [1, 0, 2, 3]);
    }
    return event as unknown as ScoresEvent;
  });
}
