import * as tf from '@tensorflow/tfjs';
import { withoutTape } from './tape.js';

/**
 * The same numbers as a constant: no gradient goes through them.
 *
 * `tf.customGrad` with a gradient of zero is not that: what is computed from it is still differentiated, and fails where that
 * has no gradient (the indices of a gather, say).
 */
export function stopGradient<T extends tf.Tensor>(x: T): T {
  return withoutTape(() => tf.clone(x));
}
