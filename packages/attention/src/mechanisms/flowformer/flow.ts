import * as tf from '@tensorflow/tfjs';
import { checkPositive } from '../../check.js';

/**
 * The bound c of the conserved sources, which are kept within -c .. c: 1 in the repository's core, causal or not; none for the
 * series of UEA, 10 for D4RL, 5 for WikiText. The default is that of the tables: none, and 10 when causal.
 */
export function flowClamp(caller: string, clamp: number | 'none' | undefined, causal: boolean): number {
  if (clamp === 'none' || (clamp === undefined && !causal)) return Number.POSITIVE_INFINITY;
  if (clamp === undefined) return 10;
  checkPositive(caller, `clamp, unless it is 'none',`, clamp);
  return clamp;
}

/** What both forms of the flow work with. */
export interface Flow {
  /** phi(q) [H, B, M, p] and phi(k) [H, B, N, p], 0 where padded. */
  sinks: tf.Tensor4D;
  sources: tf.Tensor4D;
  values: tf.Tensor4D;
  /** [B, M] and [B, N]. */
  sinkMask?: tf.Tensor2D;
  sourceMask?: tf.Tensor2D;
  /** May be infinite. */
  clamp: number;
  epsilon: number;
}

/** Within -bound .. bound. */
export function clampFlow<T extends tf.Tensor>(flow: T, bound: number): T {
  return Number.isFinite(bound) ? tf.clipByValue(flow, -bound, bound) : flow;
}
