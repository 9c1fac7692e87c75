import * as tf from '@tensorflow/tfjs';
import { withoutTape } from '../autodiff/tape.js';
import { collectEmissions, type Emission, heardProbes, releaseEmissions } from '../probe.js';
import { eachTensor, mapTensors } from '../tree.js';

/**
 * What probes emit inside the step of a scan. The step may be traced on placeholders, so its events' tensors leave the loop
 * as further results, stacked along a new axis 0, and the subscribers get one event for each step when the loop is over.
 */
export class StackedEmissions {
  readonly #probes = heardProbes();
  /** What one step emits; the tensors in it are placeholders. */
  #template: readonly Emission[] | undefined;

  /** Runs a step. @returns also the tensors of its events, which belong to the scope of the caller */
  collect<R>(step: () => R): { result: R; tensors: tf.Tensor[] } {
    const { result, emissions } = collectEmissions(this.#probes, step);
    const tensors = tensorsOf(emissions);
    this.#template ??= emissions;
    if (!sameForm(emissions, this.#template)) {
      throw new Error(
        'scan: a probe inside the function shows other events in one step than in another; each step must show events of the ' +
          'same probes in the same order, with tensors of the same shapes and dtypes',
      );
    }
    return { result, tensors };
  }

  /** Lets out the events of all steps. @param stacks the results for {@link collect}'s tensors, each [N, ...]; disposed */
  release(stacks: readonly tf.Tensor[], length: number, reverse: boolean): void {
    const template = this.#template ?? [];
    if (template.length === 0) return;
    try {
      for (let i = 0; i < length; i++) {
        const at = reverse ? length - 1 - i : i;
        let next = 0;
        const slice = () => {
          const stack = stacks[next++]; // [N, ...]
          return tf.tidy(() => tf.reshape(tf.slice(stack, at, 1), stack.shape.slice(1))); // [...]
        };
        releaseEmissions(
          withoutTape(() => template.map(({ probe, event }) => ({ probe, event: mapTensors(event, slice) }))),
        );
      }
    } finally {
      tf.dispose([...stacks]);
    }
  }
}

function tensorsOf(emissions: readonly Emission[]): tf.Tensor[] {
  const tensors: tf.Tensor[] = [];
  for (const { event } of emissions) eachTensor(event, (tensor) => tensors.push(tensor));
  return tensors;
}

function sameForm(a: readonly Emission[], b: readonly Emission[]): boolean {
  const form = (emissions: readonly Emission[]): string =>
    JSON.stringify([
      emissions.map(({ probe }) => probe),
      tensorsOf(emissions).map(({ dtype, shape }) => [dtype, shape]),
    ]);
  return form(a) === form(b);
}
