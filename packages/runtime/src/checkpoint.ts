import * as tf from '@tensorflow/tfjs';
import { optimizationBarrier } from './autodiff/barrier.js';
import { keepCopies, recordCaptured, withContents } from './autodiff/captured.js';
import { openSideChannels } from './autodiff/side-channel.js';
import { addToTape, tapeIsOn, vectorJacobianProduct, withoutTape } from './autodiff/tape.js';
import { collectEmissions, heardProbes, releaseEmissions, withoutEmissions } from './probe.js';
import { rememberRandomKeys } from './random/ambient.js';
import { flatten, kindOf } from './tree.js';

/**
 * The function `fn`, whose gradient computes `fn` again instead of keeping what `fn` computed on its way: less memory for
 * about one more forward pass. Values and gradients are those of `fn`.
 *
 * ```ts
 * const block = checkpoint((x: tf.Tensor) => layer.apply(x) as tf.Tensor);
 * ```
 *
 * - Gradients reach tensors among the arguments, and variables and other tensors that `fn` captures. Both are read as they
 *   were in the forward pass, even when they were assigned or disposed since.
 * - Keys of `nextRandomKey` are the same in both runs, and are drawn once: the same dropout masks.
 * - Losses that layers report to a collector (`withLosses` of the attention package) have their gradients too.
 * - Under a gradient `fn` runs twice, and so does what it does besides. Events of a `Probe` are heard once, after the first
 *   run.
 * - `fn` may return tensors, numbers, strings and booleans in arrays and plain objects. It must be synchronous, and compute
 *   the same when it is run again. It must not assign variables: that would happen twice.
 * - Without a gradient tape around it, it is `fn`. Higher-order gradients are an error.
 */
export function checkpoint<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
  return (...args) => (tapeIsOn() ? callForGradient(() => fn(...args)) : fn(...args));
}

function callForGradient<R>(fn: () => R): R {
  const collect = openSideChannels();
  const withSameKeys = rememberRandomKeys();
  const run = () => {
    const { result, reports } = collect(fn);
    return { tree: flatten(result, 'the result', refuseLeaf), reports };
  };
  let outcome: ReturnType<typeof run> | undefined;
  const forward = collectEmissions(heardProbes(), () =>
    withoutTape(() =>
      recordCaptured(() =>
        tf.tidy(() => {
          refuseAssignments(() => {
            outcome = run();
          });
          // Clones: a result may be an input, or stand in two places, and the tape must tell them apart.
          return outputsOf(outcome!).map((tensor) => tf.clone(tensor));
        }),
      ),
    ),
  );
  const { result: outputs, captured } = forward.result;
  const { tree, reports } = outcome!;
  const saved = withoutTape(() => keepCopies(captured));
  const inputs = Object.fromEntries(
    captured.flatMap((tensor, i) => (tensor.dtype === 'float32' ? [[`captured${i}`, tensor]] : [])),
  );
  addToTape({
    name: 'checkpoint',
    inputs,
    outputs,
    saved,
    gradient(dys, wanted) {
      const places = dys.flatMap((dy, k) => (dy !== null && dy.dtype === 'float32' ? [k] : []));
      const behind = optimizationBarrier([...saved, ...places.map((k) => dys[k]!)]);
      const names = [...wanted];
      const xs = names.map((name) => inputs[name]);
      const gradients = withContents(captured, behind.slice(0, saved.length), () =>
        withSameKeys(() =>
          vectorJacobianProduct(
            () => {
              const again = outputsOf(withoutEmissions(run));
              return places.map((k) => again[k]);
            },
            behind.slice(saved.length),
            xs,
          ),
        ),
      );
      return Object.fromEntries(names.map((name, i) => [name, gradients[i] ?? tf.zeros(xs[i].shape)]));
    },
  });
  releaseEmissions(forward.emissions);
  for (const [i, report] of reports.entries()) {
    const tensor = outputs[tree.tensors.length + i];
    report.deliver(tensor);
    tensor.dispose();
  }
  return tree.build(outputs) as R;
}

function outputsOf({ tree, reports }: { tree: { tensors: tf.Tensor[] }; reports: { tensor: tf.Tensor }[] }) {
  return [...tree.tensors, ...reports.map(({ tensor }) => tensor)];
}

function refuseLeaf(leaf: unknown, path: string): string | undefined {
  if (leaf == null || ['number', 'boolean', 'string'].includes(typeof leaf)) return undefined;
  return (
    `checkpoint: ${path} is ${kindOf(leaf)}; the function must return tensors, numbers, booleans and strings, or arrays and ` +
    'plain objects of these, and be synchronous'
  );
}

/** @throws Error when `fn` assigns a variable */
function refuseAssignments(fn: () => void): void {
  const before = new Map<tf.Variable, tf.DataId>();
  for (const variable of Object.values(tf.engine().registeredVariables))
    before.set(variable, variable.dataId);
  fn();
  for (const [variable, dataId] of before) {
    if (variable.isDisposed || variable.dataId === dataId) continue;
    throw new Error(
      `checkpoint: the function assigns variable '${variable.name}', which would happen again in the backward pass; assign ` +
        'it outside, from a result of the function',
    );
  }
}
