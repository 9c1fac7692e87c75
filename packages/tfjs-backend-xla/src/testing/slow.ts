import { scan } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';

/** Zero, from a loop of small steps that XLA's CPU client is at for some 200 ms before its execute function returns. */
export function slowZero(): tf.Scalar {
  const half = tf.eye(8).mul(0.5) as tf.Tensor2D;
  const step = (carry: tf.Tensor2D, _: null) => [tf.matMul(carry, half) as tf.Tensor2D, null] as const;
  return scan(step, tf.zeros<tf.Rank.R2>([1, 8]), null, { length: 8_000_000 })[0].sum();
}

/** Lets the event loop go on for a moment: what was called asynchronously is under way then. */
export async function moment(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setTimeout(resolve, 5));
}
