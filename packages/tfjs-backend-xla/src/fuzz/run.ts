import * as tf from '@tensorflow/tfjs';
import { xla } from '../testing/compare.js';
import { type Contents, forward, gradients, makeInputs, onBackend, read, scoped, sinks } from './evaluate.js';
import { isInput, type Program } from './program.js';
import { difference, type Outcome, type Reference, reference, type Tally } from './reference.js';

export interface Difference {
  readonly program: Program;
  readonly message: string;
}

/**
 * Runs programs on `xla`, eagerly as one lazy graph and compiled by `jit`, values and gradients, and compares them with
 * the reference. Several at once, since most of the time goes into compiling, and most of that is the same for one
 * program and for eight.
 *
 * @returns the first difference
 */
export function compareWithCpu(programs: readonly Program[], tally: Tally): Difference | undefined {
  const references = programs.map(reference);
  return onBackend('xla', () => {
    const before = tf.memory();
    // Gradients are most of a program, so in a batch each program has them computed in one of the two ways only.
    const alone = programs.length === 1;
    const inEager = programs.filter((_, i) => alone || i % 2 === 0);
    const eager = evaluateLazily(programs, inEager);
    for (const [i, program] of programs.entries()) {
      const message =
        differences('eager', eager[i].values.flat(), references[i], (r) => r.values.flat(), tally) ??
        (inEager.includes(program)
          ? differences('eager, gradient', eager[i].gradients, references[i], (r) => r.gradients, tally)
          : undefined);
      if (message !== undefined) return { program, message };
    }
    const inJit = programs.filter((program) => alone || !inEager.includes(program));
    const outcomes = evaluateCompiled(programs, inJit);
    for (const [k, program] of programs.entries()) {
      const ref = references[k];
      const message =
        differences('jit', outcomes[k].values, ref, (r) => sinks(program, r.values), tally) ??
        (inJit.includes(program)
          ? differences('jit, gradient', outcomes[k].gradients, ref, (r) => r.gradients, tally)
          : undefined);
      if (message !== undefined) return { program, message };
    }
    const { numTensors, numDataBuffers } = tf.memory();
    if (numTensors !== before.numTensors || numDataBuffers !== before.numDataBuffers) {
      return {
        program: programs[0],
        message: `${numTensors - before.numTensors} tensors and ${numDataBuffers - before.numDataBuffers} data leaked`,
      };
    }
    return undefined;
  });
}

function evaluateLazily(
  programs: readonly Program[],
  withGradients: readonly Program[],
): { values: Contents[][]; gradients: Contents[] }[] {
  return scoped(() => {
    const pending = programs.map((program) => {
      const inputs = makeInputs(program);
      return {
        values: forward(program, inputs),
        gradients: withGradients.includes(program) ? gradients(program, inputs) : [],
      };
    });
    return pending.map(({ values, gradients: list }) => ({
      values: values.map((outputs) => outputs.map(read)),
      gradients: list.map(read),
    }));
  });
}

function evaluateCompiled(
  programs: readonly Program[],
  withGradients: readonly Program[],
): { values: Contents[]; gradients: Contents[] }[] {
  const run = xla().jit((inputs: tf.Tensor[][]) =>
    programs.map((program, i) => ({
      values: sinks(program, forward(program, inputs[i])),
      gradients: withGradients.includes(program) ? gradients(program, inputs[i]) : [],
    })),
  );
  return scoped(() =>
    run(programs.map((program) => makeInputs(program))).map(({ values, gradients: list }) => ({
      values: values.map(read),
      gradients: list.map(read),
    })),
  );
}

function differences(
  how: string,
  actual: readonly Contents[],
  { disturbed, ...base }: Reference,
  select: (outcome: Outcome) => readonly Contents[],
  tally: Tally,
): string | undefined {
  const expected = select(base);
  const others = disturbed.map(select);
  for (const [i, contents] of expected.entries()) {
    const message = difference(
      actual[i],
      contents,
      others.map((other) => other[i]),
      tally,
    );
    if (message !== undefined) return `${how}, result ${i}, ${message}`;
  }
  return undefined;
}

/** How many operations a program has. */
export function opCount(program: Program): number {
  return program.filter((step) => !isInput(step)).length;
}
