import * as tf from '@tensorflow/tfjs';
import { openSideChannels } from './autodiff/side-channel.js';
import { withoutTape } from './autodiff/tape.js';
import { hasRandomKey, nextRandomKey, withKeySource } from './random/ambient.js';
import { foldIn } from './random/random.js';
import { StackedEmissions } from './scan/emissions.js';
import { runScan, type Step } from './scan/run.js';
import { flatten, kindOf, type Tree } from './tree.js';

/** The structure `T` with a tensor of any rank in the place of each tensor: slices stacked along a new axis 0. */
export type Stacked<T> = T extends tf.Tensor
  ? tf.Tensor
  : T extends null | undefined
    ? T
    : { [K in keyof T]: Stacked<T[K]> };

/** Options of {@link scan}. */
export interface ScanOptions {
  /** The number of steps; needed where `xs` holds no tensor. */
  length?: number;
  /** From the last slice to the first. Results keep their places: `ys[i]` belongs to `xs[i]`. */
  reverse?: boolean;
  /**
   * Keep the carry only every so many steps for the gradient (`true`: about sqrt(length)), and compute those between again:
   * memory for sqrt(N) carries instead of N, for one more forward pass.
   */
  checkpoint?: boolean | number;
}

/**
 * carry_{i+1}, y_i = fn(carry_i, x_i, i) for i = 0 .. N-1; gives the last carry and the stacked y: a loop over a sequence.
 *
 * ```ts
 * const [last, sums] = scan((sum: tf.Scalar, x: tf.Scalar) => {
 *   const next = tf.add(sum, x) as tf.Scalar;
 *   return [next, next];
 * }, tf.scalar(0), tf.tensor1d([1, 2, 3])); // last 6, sums [1, 3, 6]
 * ```
 *
 * On `xla` the loop is one operation of the program, whatever its length: `fn` is traced once, so what holds for a function
 * inside `jit` holds for it (no reading of tensors, no host-side random numbers), and it must not assign or make variables.
 * Elsewhere it is a loop in JavaScript.
 *
 * - The gradient is a loop in the other direction. It reaches `init`, `xs`, and the variables and other tensors that `fn`
 *   captures. The carry of each step is kept for it; on `xla` everything else inside `fn` is computed again. Integers and
 *   booleans have no gradient. Higher-order gradients are an error on `xla`.
 * - `nextRandomKey` gives each step other keys, the same ones on each backend and in the gradient. A scan draws one key
 *   from the surrounding `withRandomKey`.
 * - Events of a `Probe` inside `fn` are heard after the loop, one for each step, in the order of the steps. While somebody
 *   listens their tensors are stacked like y, so that all steps' are in memory together.
 *
 * @param fn its carry must keep structure, shapes and dtypes; `index` is the place in `xs`, an int32 scalar
 * @param init the first carry: tensors, in nested arrays and plain objects
 * @param xs tensors [N, ...] in nested arrays and plain objects, or null (with `length`)
 * @returns the last carry, and what `fn` returned as y, stacked along a new axis 0
 * @throws Error that names the leaf of the carry that changed, or of `xs` whose length differs
 */
export function scan<C, X, Y>(
  fn: (carry: C, x: X, index: tf.Scalar) => readonly [C, Y],
  init: C,
  xs: Stacked<X>,
  options: ScanOptions = {},
): [C, Stacked<Y>] {
  const carryTree = flatten(init, 'init', refuseLeaf);
  const xTree = flatten(xs, 'xs', refuseLeaf);
  const length = lengthOf(xTree, options.length);
  const collect = openSideChannels();
  const emissions = new StackedEmissions();
  const key = hasRandomKey() ? withoutTape(nextRandomKey) : undefined;
  let yTree: Tree | undefined;
  const step: Step = (carry, slices, index) => {
    const call = () => fn(carryTree.build(carry) as C, xTree.build(slices) as X, index);
    const {
      result: { result, reports },
      tensors: shown,
    } = emissions.collect(() =>
      collect(key === undefined ? call : () => withKeySource(() => foldIn(key, index), call)),
    );
    if (reports.length > 0) {
      throw new Error(
        'scan: a layer inside the function reports a loss to a collector around it, which a loop cannot hand out; compute the ' +
          'loss in the function and return it as part of y',
      );
    }
    if (!Array.isArray(result) || result.length !== 2) {
      throw new Error(`scan: the function must return [carry, y], got ${kindOf(result)}`);
    }
    const next = flatten(result[0], 'carry', refuseLeaf);
    checkCarry(carryTree, next);
    yTree = flatten(result[1], 'y', refuseLeaf);
    return { carry: next.tensors, ys: [...yTree.tensors, ...shown] };
  };
  const results = tf.tidy(() =>
    runScan(step, carryTree.tensors, xTree.tensors, {
      length,
      reverse: options.reverse ?? false,
      segment: segmentOf(options.checkpoint, length),
    }),
  );
  key?.dispose();
  emissions.release(results.ys.slice(yTree!.tensors.length), length, options.reverse ?? false);
  return [carryTree.build(results.carry) as C, yTree!.build(results.ys) as Stacked<Y>];
}

function refuseLeaf(leaf: unknown, path: string): string | undefined {
  if (leaf == null) return undefined;
  return `scan: ${path} is ${kindOf(leaf)}; carries, xs and y hold tensors only, in arrays and plain objects (a number: tf.scalar)`;
}

function lengthOf({ tensors, paths }: Tree, given: number | undefined): number {
  if (given !== undefined && (!Number.isInteger(given) || given < 0)) {
    throw new Error(`scan: length must be an integer of at least 0, got ${given}`);
  }
  let length = given;
  let origin = 'length';
  for (const [i, { shape }] of tensors.entries()) {
    if (shape.length === 0) throw new Error(`scan: ${paths[i]} is a scalar; it needs an axis 0 to loop over`);
    if (length === undefined) [length, origin] = [shape[0], paths[i]];
    if (shape[0] !== length) {
      throw new Error(
        `scan: ${paths[i]} has ${shape[0]} slices along axis 0, but ${origin} asks for ${length}`,
      );
    }
  }
  if (length === undefined) throw new Error('scan: xs holds no tensor, so options.length must be given');
  return length;
}

function segmentOf(checkpoint: boolean | number | undefined, length: number): number | undefined {
  if (checkpoint === undefined || checkpoint === false) return undefined;
  if (checkpoint === true) return Math.max(1, Math.ceil(Math.sqrt(length)));
  if (!Number.isInteger(checkpoint) || checkpoint < 1) {
    throw new Error(
      `scan: checkpoint must be a boolean or a number of steps of at least 1, got ${checkpoint}`,
    );
  }
  return checkpoint;
}

/** @throws Error that names the first leaf of the carry that is not what it was */
function checkCarry(before: Tree, after: Tree): void {
  if (before.form !== after.form) {
    throw new Error(
      `scan: the carry must keep its structure: it is ${before.form}, but the function returned ${after.form} (* stands for ` +
        'a tensor)',
    );
  }
  for (const [i, tensor] of after.tensors.entries()) {
    const expected = before.tensors[i];
    if (tensor.dtype === expected.dtype && tf.util.arraysEqual(tensor.shape, expected.shape)) continue;
    throw new Error(
      `scan: ${after.paths[i]} must keep its type: it is ${expected.dtype} [${expected.shape}], but the function returned ` +
        `${tensor.dtype} [${tensor.shape}]`,
    );
  }
}
