import * as tf from '@tensorflow/tfjs';
import { opTable } from './op-table.js';
import { isInput, type OpStep, type Program, refKey } from './program.js';

/** A tensor's contents. */
export interface Contents {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly values: ArrayLike<number>;
}

/** What tfjs backends programs run on; `disturbed` is the reference with rounding errors added. */
export type BackendName = 'xla' | 'cpu' | 'disturbed';

/** Changes the numbers that a program is given. */
export type Change = (values: readonly number[]) => readonly number[];

const asGiven: Change = (values) => values;

export function onBackend<T>(name: BackendName, fn: () => T): T {
  const before = tf.getBackend();
  tf.setBackend(name);
  try {
    return fn();
  } finally {
    tf.setBackend(before);
  }
}

/** The same for what takes its time. */
export async function onBackendAsync<T>(name: BackendName, fn: () => Promise<T>): Promise<T> {
  const before = tf.getBackend();
  tf.setBackend(name);
  try {
    return await fn();
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
export function makeInputs(program: Program, change: Change = asGiven): tf.Tensor[] {
  return program.filter(isInput).map(({ values, shape, dtype }) => {
    const given = dtype === 'float32' ? change(values) : values;
    return tf.tensor(given as number[], shape as number[], dtype);
  });
}

/** The outputs of every step, on the current backend. */
export function forward(
  program: Program,
  inputs: readonly tf.Tensor[],
  apply: (step: OpStep, args: tf.Tensor[]) => tf.Tensor[] = applyOp,
): tf.Tensor[][] {
  const results: tf.Tensor[][] = [];
  let next = 0;
  for (const step of program) {
    if (isInput(step)) {
      results.push([inputs[next++]]);
      continue;
    }
    const args = step.operands.map(({ step: from, output }) => results[from][output]);
    results.push(apply(step, args));
  }
  return results;
}

/** Results that no step uses. */
export function sinks<T>(program: Program, results: readonly (readonly T[])[]): T[] {
  const used = new Set(program.flatMap((step) => (isInput(step) ? [] : step.operands.map(refKey))));
  return results.flatMap((outputs, step) =>
    outputs.filter((_, output) => !used.has(refKey({ step, output }))),
  );
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
function weights(shape: readonly number[], salt: number, change: Change): tf.Tensor {
  const size = shape.reduce((product, n) => product * n, 1);
  return tf.tensor(change(Array.from({ length: size }, (_, i) => Math.cos(1.3 * i + salt))) as number[], [
    ...shape,
  ]);
}

/**
 * The gradients of sum_k <w_k, y_k> with respect to the float inputs, y_k being the float results that no step uses.
 * Only paths over operations count that tfjs differentiates.
 */
export function gradients(
  program: Program,
  inputs: readonly tf.Tensor[],
  change: Change = asGiven,
): tf.Tensor[] {
  const floats = inputs.flatMap((input, i) => (input.dtype === 'float32' ? [i] : []));
  if (floats.length === 0) return [];
  const loss = (...xs: tf.Tensor[]): tf.Tensor => {
    const all = [...inputs];
    for (const [i, at] of floats.entries()) all[at] = xs[i];
    const results = forward(program, all, applyForTape);
    const ends = sinks(program, results).filter(({ dtype }) => dtype === 'float32');
    const terms = ends.map((end, i) => end.mul(weights(end.shape, i, change)).sum());
    // tfjs refuses inputs on which the loss does not depend.
    const none = xs.map((x) => x.mul(0).sum());
    return tf.addN([...terms, ...none] as tf.Scalar[]);
  };
  return tf.grads(loss)([...floats.map((i) => inputs[i])]);
}
