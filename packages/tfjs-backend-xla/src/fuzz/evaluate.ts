import * as tf from '@tensorflow/tfjs';
import { opTable } from './op-table.js';
import { isInput, type Op, type OpStep, type Program, refKey } from './program.js';

/** A tensor's contents. */
export interface Contents {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** Changes what a step gave; the reference uses it to see how much rounding errors matter. */
export type Disturb = (outputs: tf.Tensor[], op: Op | undefined) => tf.Tensor[];

const asIs: Disturb = (outputs) => outputs;

export function onBackend<T>(name: 'xla' | 'cpu', fn: () => T): T {
  const before = tf.getBackend();
  tf.setBackend(name);
  try {
    return fn();
  } finally {
    tf.setBackend(before);
  }
}

/** Runs `fn` and disposes every tensor that it made; what it returns holds none. */
export function scoped<T>(fn: () => T): T {
  tf.engine().startScope();
  try {
    return fn();
  } finally {
    tf.engine().endScope();
  }
}

export function read(tensor: tf.Tensor): Contents {
  return { dtype: tensor.dtype, shape: tensor.shape, values: tensor.dataSync() };
}

export function applyOp(step: OpStep, args: tf.Tensor[]): tf.Tensor[] {
  const result = opTable.get(step.op)!.apply(args, step.attrs);
  return Array.isArray(result) ? result : [result];
}

/** The program's inputs as tensors, in the order of their steps. */
export function makeInputs(program: Program): tf.Tensor[] {
  return program
    .filter(isInput)
    .map(({ values, shape, dtype }) => tf.tensor(values as number[], shape as number[], dtype));
}

/** The outputs of every step, on the current backend. */
export function forward(
  program: Program,
  inputs: readonly tf.Tensor[],
  disturb: Disturb = asIs,
  apply: (step: OpStep, args: tf.Tensor[]) => tf.Tensor[] = applyOp,
): tf.Tensor[][] {
  const results: tf.Tensor[][] = [];
  let next = 0;
  for (const step of program) {
    if (isInput(step)) {
      results.push(disturb([inputs[next++]], undefined));
      continue;
    }
    const op = opTable.get(step.op)!;
    const args = step.operands.map(({ step: from, output }) => results[from][output]);
    results.push(disturb(apply(step, args), op));
  }
  return results;
}

/** Results that no step uses. */
export function sinks<T>(program: Program, results: readonly (readonly T[])[]): T[] {
  const used = new Set(program.flatMap((step) => (isInput(step) ? [] : step.operands.map(refKey))));
  return results.flatMap((outputs, step) => outputs.filter((_, output) => !used.has(refKey({ step, output }))));
}

/** Applies an operation; where tfjs cannot differentiate it, its results do not depend on its operands for the tape. */
function applyForTape(step: OpStep, args: tf.Tensor[]): tf.Tensor[] {
  const { differentiable } = opTable.get(step.op)!;
  const follows = typeof differentiable === 'boolean' ? differentiable : differentiable(args, step.attrs);
  if (follows) return applyOp(step, args);
  // A custom gradient belongs to one result.
  const outputs: tf.Tensor[] = [];
  let count = 1;
  for (let k = 0; k < count; k++) {
    const detached = tf.customGrad((...inputs) => {
      const tensors = inputs.filter((input) => input instanceof tf.Tensor);
      const all = applyOp(step, tensors);
      count = all.length;
      return { value: all[k], gradFunc: () => tensors.map(({ shape }) => tf.zeros(shape)) };
    });
    outputs.push(detached(...args));
  }
  return outputs;
}

/** Weights that no two elements share, so that a gradient at the wrong place is seen. */
function weights(shape: readonly number[], salt: number): tf.Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(
    Array.from({ length: size }, (_, i) => Math.cos(1.3 * i + salt)),
    [...shape],
  );
}

/**
 * The gradients of sum_k <w_k, y_k> with respect to the float inputs, y_k being the float results that no step uses.
 * Only paths over operations count that tfjs differentiates.
 */
export function gradients(
  program: Program,
  inputs: readonly tf.Tensor[],
  disturb: Disturb = asIs,
): tf.Tensor[] {
  const floats = inputs.flatMap((input, i) => (input.dtype === 'float32' ? [i] : []));
  if (floats.length === 0) return [];
  const loss = (...xs: tf.Tensor[]): tf.Tensor => {
    const all = [...inputs];
    for (const [i, at] of floats.entries()) all[at] = xs[i];
    const results = forward(program, all, disturb, applyForTape);
    const ends = sinks(program, results).filter(({ dtype }) => dtype === 'float32');
    const terms = ends.map((end, i) =>
      end.mul(disturb([weights(end.shape, i)], undefined)[0]).sum(),
    );
    // tfjs refuses inputs on which the loss does not depend.
    const none = xs.map((x) => x.mul(0).sum());
    return tf.addN([...terms, ...none] as tf.Scalar[]);
  };
  return tf.grads(loss)([...floats.map((i) => inputs[i])]);
}
