import * as tf from '@tensorflow/tfjs';
import { checkpoint } from '../checkpoint.js';
import { runLoop } from './loop.js';
import { loopingBackend, runOnBackend } from './on-backend.js';

export type StepResult = { readonly carry: tf.Tensor[]; readonly ys: tf.Tensor[] };

/** One step of a scan on lists of tensors. `index` is the place in xs, an int32 scalar. */
export type Step = (
  carry: readonly tf.Tensor[],
  slices: readonly tf.Tensor[],
  index: tf.Scalar,
) => StepResult;

export interface LoopOptions {
  readonly length: number;
  readonly reverse: boolean;
}

/**
 * Runs a scan on lists of tensors, on the backend's own loop where it has one.
 *
 * @param options with `segment`, the loop is one over segments of so many steps, each computed again in the gradient
 */
export function runScan(
  step: Step,
  init: readonly tf.Tensor[],
  xs: readonly tf.Tensor[],
  options: LoopOptions & { readonly segment?: number },
): StepResult {
  const { length, reverse, segment } = options;
  const backend = loopingBackend();
  const run = (body: Step, carry: readonly tf.Tensor[], slices: readonly tf.Tensor[], count: number) =>
    backend === undefined
      ? runLoop(body, carry, slices, { length: count, reverse })
      : runOnBackend(backend, body, carry, slices, { length: count, reverse });
  if (segment === undefined || segment >= length) return run(step, init, xs, length);

  const count = Math.floor(length / segment);
  const whole = count * segment;
  const from =
    (offset: tf.Scalar): Step =>
    (carry, slices, index) =>
      step(carry, slices, tf.add(index, offset));
  const inSegment: Step = (carry, slices, index) =>
    run(from(tf.mul(index, tf.scalar(segment, 'int32'))), carry, slices, segment);
  // The backend's loop computes its step again anyway.
  const segmentStep = backend === undefined ? checkpoint(inSegment) : inSegment;
  const segments = (carry: readonly tf.Tensor[]): StepResult => {
    const parts = xs.map((x) => tf.reshape(tf.slice(x, 0, whole), [count, segment, ...x.shape.slice(1)]));
    const { carry: last, ys } = run(segmentStep, carry, parts, count);
    return { carry: last, ys: ys.map((y) => tf.reshape(y, [whole, ...y.shape.slice(2)])) };
  };
  if (whole === length) return segments(init);
  const rest = (carry: readonly tf.Tensor[]): StepResult =>
    run(
      from(tf.scalar(whole, 'int32')),
      carry,
      xs.map((x) => tf.slice(x, whole)),
      length - whole,
    );
  const [main, tail] = reverse ? inOrder(rest, segments, init).reverse() : inOrder(segments, rest, init);
  return {
    carry: (reverse ? main : tail).carry,
    ys: main.ys.map((y, i) => tf.concat([y, tail.ys[i]], 0)),
  };
}

type Part = (carry: readonly tf.Tensor[]) => StepResult;

function inOrder(first: Part, second: Part, init: readonly tf.Tensor[]): [StepResult, StepResult] {
  const a = first(init);
  return [a, second(a.carry)];
}
