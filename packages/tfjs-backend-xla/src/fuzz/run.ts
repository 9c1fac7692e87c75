import * as tf from '@tensorflow/tfjs';
import { turn } from '../event-loop.js';
import { xla } from '../testing/compare.js';
import {
  type Contents,
  forward,
  gradients,
  makeInputs,
  onBackendAsync,
  read,
  scoped,
  sinks,
} from './evaluate.js';
import { isInput, type Program } from './program.js';
import { difference, type Outcome, type Reference, reference, type Tally } from './reference.js';

export interface Difference {
  readonly program: Program;
  readonly message: string;
}

/**
 * Runs programs on `xla`, eagerly as one lazy graph and compiled by `jit`, values and gradients, and compares them with
 * the reference. Several at once, since part of compiling is the same for one program and for many. The lazy graph and
 * the compiled function are two programs, which compile at the same time.
 *
 * @returns the first difference
 */
export async function compareWithCpu(
  programs: readonly Program[],
  tally: Tally,
): Promise<Difference | undefined> {
  const references = programs.map(reference);
  return onBackendAsync('xla', async () => {
    const before = tf.memory();
    // Gradients are most of what is compiled, so in a batch every other program has them computed, in one of the two ways.
    const alone = programs.length === 1;
    const inEager = programs.filter((_, i) => alone || i % 4 === 0);
    const inJit = programs.filter((_, i) => alone || i % 4 === 2);
    const compiled = evaluateCompiled(programs, inJit);
    await compiled.traced;
    let eager: ReturnType<typeof evaluateLazily>;
    try {
      eager = evaluateLazily(programs, inEager);
    } catch (error) {
      await compiled.outcomes.catch(() => {});
      throw error;
    }
    const outcomes = await compiled.outcomes;
    for (const [i, program] of programs.entries()) {
      const ref = references[i];
      const message =
        differences('eager', eager[i].values.flat(), ref, (r) => r.values.flat(), tally) ??
        (inEager.includes(program)
          ? differences('eager, gradient', eager[i].gradients, ref, (r) => r.gradients, tally)
          : undefined) ??
        differences('jit', outcomes[i].values, ref, (r) => sinks(program, r.values), tally) ??
        (inJit.includes(program)
          ? differences('jit, gradient', outcomes[i].gradients, ref, (r) => r.gradients, tally)
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

/** A compilation lets the event loop turn a few times before the compiler itself begins on a thread of its own. */
async function manyTurns(): Promise<void> {
  for (let i = 0; i < 20; i++) await turn();
}

/** Compiles and runs programs in the background; `traced` says when the compiler is likely to have begun. */
function evaluateCompiled(
  programs: readonly Program[],
  withGradients: readonly Program[],
): { traced: Promise<void>; outcomes: Promise<{ values: Contents[]; gradients: Contents[] }[]> } {
  let started = (): void => {};
  const tracing = new Promise<void>((resolve) => {
    started = resolve;
  });
  const run = xla().jit((inputs: tf.Tensor[][]) => {
    started();
    return programs.map((program, i) => ({
      values: sinks(program, forward(program, inputs[i])),
      gradients: withGradients.includes(program) ? gradients(program, inputs[i]) : [],
    }));
  });
  const evaluate = async () => {
    const inputs = programs.map((program) => makeInputs(program));
    try {
      const results = await run.async(inputs);
      const outcomes = results.map(({ values, gradients: list }) => ({
        values: values.map(read),
        gradients: list.map(read),
      }));
      tf.dispose(results);
      return outcomes;
    } finally {
      tf.dispose(inputs);
      run.dispose();
      // A trace that failed early.
      started();
    }
  };
  const outcomes = evaluate();
  // It may fail before anybody awaits it; whoever awaits it gets the failure nevertheless.
  outcomes.catch(() => {});
  return { traced: tracing.then(manyTurns), outcomes };
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
