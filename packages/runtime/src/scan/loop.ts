import * as tf from '@tensorflow/tfjs';
import { withoutTape } from '../autodiff/tape.js';
import type { LoopOptions, Step, StepResult } from './run.js';

/** A scan as a loop in JavaScript with tfjs's operations: its gradient is the tape's. */
export function runLoop(
  step: Step,
  init: readonly tf.Tensor[],
  xs: readonly tf.Tensor[],
  { length, reverse }: LoopOptions,
): StepResult {
  if (length === 0) return runNothing(step, init, xs);
  return tf.tidy(() => {
    const slices = xs.map((x) => {
      // tfjs's gradient of unstack fails for a single slice.
      if (length === 1) return [tf.reshape(discrete(x), x.shape.slice(1))];
      return tf.unstack(discrete(x));
    });
    const ys: tf.Tensor[][] = [];
    let carry = init.map(discrete);
    for (let i = 0; i < length; i++) {
      const at = reverse ? length - 1 - i : i;
      const result = tf.tidy(() =>
        step(
          carry,
          slices.map((list) => list[at]),
          tf.scalar(at, 'int32'),
        ),
      );
      carry = result.carry.map(discrete);
      for (const [k, y] of result.ys.entries()) {
        ys[k] ??= new Array<tf.Tensor>(length);
        ys[k][at] = discrete(y);
      }
    }
    // Clones: the carry may be an input that went through, and belongs to its owner.
    return { carry: carry.map((tensor) => tf.clone(tensor)), ys: ys.map((list) => tf.stack(list)) };
  });
}

/** No gradient goes through integers and booleans, as on a backend whose loop is one operation. */
function discrete(tensor: tf.Tensor): tf.Tensor {
  return tensor.dtype === 'float32' ? tensor : withoutTape(() => tf.clone(tensor));
}

/** No step: the carry as it is, and empty results, whose shapes a run on zeros tells. */
function runNothing(step: Step, init: readonly tf.Tensor[], xs: readonly tf.Tensor[]): StepResult {
  const ys = withoutTape(() =>
    tf.tidy(() => {
      const slices = xs.map(({ shape, dtype }) => tf.zeros(shape.slice(1), dtype));
      return step(init, slices, tf.scalar(0, 'int32')).ys.map((y) => tf.zeros([0, ...y.shape], y.dtype));
    }),
  );
  return { carry: init.map((tensor) => tf.clone(tensor)), ys };
}
