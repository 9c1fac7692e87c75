import * as tf from '@tensorflow/tfjs';
import { keepCopies, noteReads, recordCaptured, withContents } from '../autodiff/captured.js';
import { addToTape, tapeIsOn, vectorJacobianProduct, withoutTape } from '../autodiff/tape.js';
import type { LoopOptions, Step, StepResult } from './run.js';

/** What a backend offers when a loop can be one operation of its programs. */
interface LoopingBackend {
  /**
   * Runs `step` once, on placeholders, and makes of it a loop over axis 0 of `xs`; nothing of it is on a gradient tape.
   * Tensors that `step` captures are inputs of the loop.
   */
  scan(step: Step, init: readonly tf.Tensor[], xs: readonly tf.Tensor[], options: LoopOptions): StepResult;
}

export function loopingBackend(): LoopingBackend | undefined {
  const backend = tf.backend() as Partial<LoopingBackend>;
  return typeof backend.scan === 'function' ? (backend as LoopingBackend) : undefined;
}

/** A scan as the backend's loop. Its gradient is a loop in the other direction over the carries that the first one saw. */
export function runOnBackend(
  backend: LoopingBackend,
  step: Step,
  init: readonly tf.Tensor[],
  xs: readonly tf.Tensor[],
  options: LoopOptions,
): StepResult {
  noteReads([...init, ...xs]);
  if (!tapeIsOn()) return backend.scan(step, init, xs, options);

  const { result, captured } = withoutTape(() =>
    recordCaptured(() =>
      backend.scan(
        (carry, slices, index) => {
          const { carry: next, ys } = step(carry, slices, index);
          return { carry: next, ys: [...ys, ...carry] };
        },
        init,
        xs,
        options,
      ),
    ),
  );
  const count = result.ys.length - init.length;
  const ys = result.ys.slice(0, count);
  const carries = result.ys.slice(count).map((tensor) => tf.keep(tensor)); // each [N, ...]
  const [savedXs, savedCaptured] = withoutTape(() => [keepCopies(xs), keepCopies(captured)]);
  const inputs = { ...floats('init', init), ...floats('xs', xs), ...floats('captured', captured) };
  addToTape({
    name: 'scan',
    inputs,
    outputs: [...result.carry, ...ys],
    saved: [...carries, ...savedXs, ...savedCaptured],
    gradient(dys, wanted) {
      const isFloat = (tensor: tf.Tensor): boolean => tensor.dtype === 'float32';
      const differentiable = places(init, isFloat);
      const withDy = places(ys, (y, k) => isFloat(y) && dys[init.length + k] !== null);
      const wantedXs = places(xs, (_, k) => wanted.has(`xs${k}`));
      const wantedCaptured = places(captured, (_, k) => wanted.has(`captured${k}`));
      const at = <T>(list: readonly T[], indices: readonly number[]): T[] => indices.map((i) => list[i]);

      const backward: Step = (state, slices, index) => {
        const dCarry = state.slice(0, differentiable.length);
        const sums = state.slice(differentiable.length);
        const carry = slices.slice(0, init.length);
        const x = slices.slice(init.length, init.length + xs.length);
        const dYs = slices.slice(init.length + xs.length);
        const sources = [...at(carry, differentiable), ...at(x, wantedXs), ...at(captured, wantedCaptured)];
        const gradients = vectorJacobianProduct(
          () => {
            const again = step(carry, x, index);
            return [...at(again.carry, differentiable), ...at(again.ys, withDy)];
          },
          [...dCarry, ...dYs],
          sources,
        ).map((gradient, i) => gradient ?? tf.zeros(sources[i].shape));
        const toXs = differentiable.length;
        const toCaptured = toXs + wantedXs.length;
        return {
          carry: [
            ...gradients.slice(0, toXs),
            ...gradients.slice(toCaptured).map((gradient, i) => tf.add(sums[i], gradient)),
          ],
          ys: gradients.slice(toXs, toCaptured),
        };
      };
      const gradients = withContents(captured, savedCaptured, () =>
        backend.scan(
          backward,
          [
            ...differentiable.map((i) => dys[i] ?? tf.zeros(init[i].shape)),
            ...at(captured, wantedCaptured).map(({ shape }) => tf.zeros(shape)),
          ],
          [...carries, ...savedXs, ...withDy.map((k) => dys[init.length + k]!)],
          { length: options.length, reverse: !options.reverse },
        ),
      );
      return {
        ...named('init', differentiable, gradients.carry),
        ...named('xs', wantedXs, gradients.ys),
        ...named('captured', wantedCaptured, gradients.carry.slice(differentiable.length)),
      };
    },
  });
  return { carry: result.carry, ys };
}

function floats(name: string, tensors: readonly tf.Tensor[]): Record<string, tf.Tensor> {
  return Object.fromEntries(
    tensors.flatMap((tensor, i) => (tensor.dtype === 'float32' ? [[`${name}${i}`, tensor]] : [])),
  );
}

function named(
  name: string,
  indices: readonly number[],
  tensors: readonly tf.Tensor[],
): Record<string, tf.Tensor> {
  return Object.fromEntries(indices.map((index, i) => [`${name}${index}`, tensors[i]]));
}

function places<T>(list: readonly T[], keep: (item: T, index: number) => boolean): number[] {
  return list.flatMap((item, i) => (keep(item, i) ? [i] : []));
}
