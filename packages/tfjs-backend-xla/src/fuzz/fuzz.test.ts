import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { xla } from '../testing/compare.js';
import type { Limits } from './generate.js';
import { opTable } from './op-table.js';
import { formatProgram, isInput, type Program } from './program.js';
import { batches } from './programs.js';
import { compareWithCpu } from './run.js';

/*
 * PRIMAL_FUZZ_RUNS=20000 runs that many programs instead of as many as fit into a few minutes; PRIMAL_FUZZ_SEED chooses
 * others. A failure prints the seed and the path that lead to it at once (PRIMAL_FUZZ_PATH).
 */
const seed = Number(process.env.PRIMAL_FUZZ_SEED ?? 42);
const path = process.env.PRIMAL_FUZZ_PATH;
const asked = process.env.PRIMAL_FUZZ_RUNS;

const batchSize = 8;
const timeLimit = 180_000;
const limits: Limits = { minOps: 3, maxOps: 15 };
/** More compiled programs are never kept. */
const cacheCapacity = 256;

type Batch = readonly Program[];

/** Looks for a batch that differs; what it throws names the first difference. */
function search(
  limits: Limits,
  parameters: fc.Parameters<[Batch]>,
  tally = { compared: 0, left: 0 },
  onBatch: (batch: Batch) => void = () => {},
): fc.RunDetails<[Batch]> {
  return fc.check(
    fc.property(batches(batchSize, limits), (batch) => {
      onBatch(batch);
      const found = compareWithCpu(batch, tally);
      if (found !== undefined) throw new Error(found.message);
    }),
    parameters,
  );
}

function report(details: fc.RunDetails<[Batch]>): string {
  const programs = details.counterexample?.[0] ?? [];
  return (
    `${String(details.errorInstance)}\n${programs.map(formatProgram).join('\n\n')}\n` +
    `Again, with src/fuzz/fuzz.test.ts alone: PRIMAL_FUZZ_SEED=${details.seed} PRIMAL_FUZZ_PATH=${details.counterexamplePath}`
  );
}

describe('fuzz', () => {
  it('random programs give on xla, eagerly and compiled, what they give on cpu, and so do their gradients', {
    timeout: asked === undefined ? 2 * timeLimit : 24 * 3_600_000,
  }, () => {
    const tally = { compared: 0, left: 0 };
    const seen = new Set<string>();
    let programs = 0;
    const details = search(
      limits,
      {
        seed,
        path,
        numRuns: Math.ceil(Number(asked ?? 2000) / batchSize),
        interruptAfterTimeLimit: asked === undefined ? timeLimit : undefined,
      },
      tally,
      (batch) => {
        programs += batch.length;
        for (const { op } of batch.flat()) seen.add(op);
      },
    );
    const differences = details.failed && !details.interrupted ? 1 : 0;
    console.log(
      `fuzz: ${programs.toLocaleString('en')} programs, seed ${seed}, ${differences} differences ` +
        `(${tally.compared.toLocaleString('en')} elements compared, ${tally.left.toLocaleString('en')} ill-conditioned ones left out)`,
    );
    if (differences > 0) expect.fail(report(details));
    // What follows would be true of a search that looks at nothing.
    if (path !== undefined) return;
    expect(programs).toBeGreaterThanOrEqual(10 * batchSize);
    expect(tally.left).toBeLessThan(0.03 * tally.compared);
    if (programs >= 1000) expect([...opTable.keys()].filter((name) => !seen.has(name))).toEqual([]);
    expect(xla().executables.size).toBeLessThanOrEqual(cacheCapacity);
  });
});

/** Puts a wrong kernel in the place of one of the backend's while `fn` runs. */
function withKernel<T>(
  kernelName: string,
  change: (original: tf.KernelFunc) => tf.KernelFunc,
  fn: () => T,
): T {
  const original = tf.getKernel(kernelName, 'xla');
  const replace = (kernelFunc: tf.KernelFunc): void => {
    tf.unregisterKernel(kernelName, 'xla');
    tf.registerKernel({ ...original, kernelFunc });
  };
  replace(change(original.kernelFunc));
  try {
    return fn();
  } finally {
    replace(original.kernelFunc);
  }
}

describe('a wrong kernel is found and shrinks to the operation alone', () => {
  const table = ['sub', 'exp', 'sum', 'elu', 'mul', 'reshape', 'transpose', 'concat', 'tanh', 'argMax'];
  const wrong: Record<string, [kernel: string, change: (original: tf.KernelFunc) => tf.KernelFunc]> = {
    sub: [
      'Sub',
      (original) => (call) =>
        original({ ...call, inputs: { a: call.inputs.b, b: call.inputs.a } as tf.NamedTensorInfoMap }),
    ],
    sum: [
      'Sum',
      (original) => (call) => {
        const rank = (call.inputs.x as tf.TensorInfo).shape.length;
        const { axis } = call.attrs as unknown as { axis: number[] | null };
        if (rank < 2 || axis?.length !== 1) return original(call);
        const attrs = { ...call.attrs, axis: [(axis[0] + 1) % rank] };
        return original({ ...call, attrs: attrs as unknown as tf.NamedAttrMap });
      },
    ],
    // Off by 2e-5: no tolerance is so loose.
    exp: [
      'Exp',
      (original) => (call) => {
        const result = original(call) as tf.TensorInfo;
        const a = tf.engine().makeTensorFromTensorInfo(result);
        return a.mul(1.00002);
      },
    ],
    // Only the gradient is wrong.
    elu: [
      'EluGrad',
      () =>
        ({ inputs }) =>
          (inputs.dy as tf.Tensor).clone(),
    ],
  };

  it.each(Object.entries(wrong))('%s', { timeout: 120_000 }, (op, [kernel, change]) => {
    const details = withKernel(kernel, change, () =>
      search({ minOps: 3, maxOps: 8, only: table }, { seed: 7, numRuns: 40 }),
    );
    expect(details.failed).toBe(true);
    const batch = details.counterexample![0];
    expect(batch).toHaveLength(1);
    expect(
      batch[0].filter((step) => !isInput(step)).map((step) => step.op),
      report(details),
    ).toEqual([op]);
  });
});
