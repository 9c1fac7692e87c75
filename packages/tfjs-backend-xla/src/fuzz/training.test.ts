import { Executable } from '@primal-attention/pjrt';
import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { xla } from '../testing/compare.js';
import { disturb, withNoise } from './disturbed-backend.js';
import { type Contents, onBackend } from './evaluate.js';
import { difference } from './reference.js';
import {
  formatTraining,
  runInterleaved,
  runTraining,
  type TrainingProgram,
  trainingPrograms,
} from './training.js';

const seed = Number(process.env.PRIMAL_FUZZ_SEED ?? 42);
const path = process.env.PRIMAL_FUZZ_PATH;
const asked = process.env.PRIMAL_FUZZ_RUNS;
const timeLimit = 60_000;

const asIs = <F>(fn: F): F => fn;

/** What is read, and the tensors left over: tfjs's momentum optimizer does not dispose one of its own. */
function measure(fn: () => Contents[]): { reads: Contents[]; left: number } {
  const before = tf.memory().numTensors;
  const reads = fn();
  return { reads, left: tf.memory().numTensors - before };
}

function compare(program: TrainingProgram): string | undefined {
  const expected = measure(() => runTraining('cpu', program, asIs));
  const among = [1, 2, 3, 4].map((noise) =>
    withNoise(noise, () => runTraining('disturbed', program, asIs, disturb)),
  );
  return onBackend('xla', () => {
    for (const [how, compile] of [
      ['eager', asIs],
      ['jit', <A extends unknown[], R>(fn: (...args: A) => R) => xla().jit(fn)],
    ] as const) {
      const actual = measure(() => runTraining('xla', program, compile));
      for (const [i, contents] of expected.reads.entries()) {
        const others = among.map((reads) => reads[i]);
        const message = difference(actual.reads[i], contents, others, { compared: 0, left: 0 });
        if (message !== undefined) return `${how}, read ${i}: ${message}`;
      }
      if (actual.left !== expected.left) return `${how}: ${actual.left - expected.left} tensors leaked`;
    }
    return undefined;
  });
}

it('random training loops give on xla, eagerly and compiled, what they give on cpu', {
  timeout: asked === undefined ? 4 * timeLimit : 24 * 3_600_000,
}, () => {
  let programs = 0;
  const details = fc.check(
    fc.property(trainingPrograms, (program) => {
      programs++;
      const message = compare(program);
      if (message !== undefined) throw new Error(message);
    }),
    {
      seed,
      path,
      numRuns: Number(asked ?? 200),
      interruptAfterTimeLimit: asked === undefined ? timeLimit : undefined,
    },
  );
  const differences = details.failed && !details.interrupted ? 1 : 0;
  console.log(
    `fuzz: ${programs.toLocaleString('en')} training loops, seed ${seed}, ${differences} differences`,
  );
  if (differences > 0) {
    expect.fail(
      `${String(details.errorInstance)}\n${formatTraining(details.counterexample![0])}\n` +
        `Again, with src/fuzz/training.test.ts alone: PRIMAL_FUZZ_SEED=${details.seed} PRIMAL_FUZZ_PATH=${details.counterexamplePath}`,
    );
  }
  if (path === undefined) expect(programs).toBeGreaterThanOrEqual(10);
});

it('random training loops give the same bits with every other call in its asynchronous form', {
  timeout: asked === undefined ? 4 * timeLimit : 24 * 3_600_000,
}, async () => {
  let programs = 0;
  const jit = (fn: (x: tf.Tensor) => tf.Tensor) => xla().jit(fn);
  await fc.assert(
    fc.asyncProperty(trainingPrograms, async (program) => {
      programs++;
      const expected = measure(() => runTraining('xla', program, jit));
      const before = tf.memory().numTensors;
      const reads = await runInterleaved(program, jit);
      expect(reads).toEqual(expected.reads);
      expect(tf.memory().numTensors - before, 'tensors left').toBe(expected.left);
    }),
    {
      seed,
      path,
      numRuns: Number(asked ?? 100),
      interruptAfterTimeLimit: asked === undefined ? timeLimit / 3 : undefined,
    },
  );
  if (path === undefined) expect(programs).toBeGreaterThanOrEqual(10);
});

it('a donated buffer that something else holds is found, and shrinks to a few commands', {
  timeout: 120_000,
}, () => {
  const { execute } = Executable.prototype;
  Executable.prototype.execute = function (this: Executable) {
    return execute.call(this, []);
  };
  try {
    const details = fc.check(
      fc.property(trainingPrograms, (program) => {
        const message = compare(program);
        if (message !== undefined) throw new Error(message);
      }),
      { seed: 7, numRuns: 100 },
    );
    expect(details.failed).toBe(true);
    const { functions, commands } = details.counterexample![0];
    expect(functions, formatTraining({ functions, commands })).toHaveLength(1);
    // Of up to 25. The heart of it: keep something of a variable, and call a function that assigns it.
    expect(commands.length, formatTraining({ functions, commands })).toBeLessThanOrEqual(6);
  } finally {
    Executable.prototype.execute = execute;
  }
});
