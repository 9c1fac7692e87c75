import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { formatProgram, type Program } from './program.js';
import { batches } from './programs.js';
import { compareWithCpu } from './run.js';

const batchSize = 8;
const seed = Number(process.env.PRIMAL_FUZZ_SEED ?? 42);
const path = process.env.PRIMAL_FUZZ_PATH;
const asked = process.env.PRIMAL_FUZZ_RUNS;

const limits = { minOps: 3, maxOps: 15 };

describe('fuzz', () => {
  it('random programs give on xla what they give on cpu', { timeout: 3_600_000 }, () => {
    const tally = { compared: 0, left: 0 };
    let programs = 0;
    const details = fc.check(
      fc.property(batches(batchSize, limits), (batch: readonly Program[]) => {
        programs += batch.length;
        const found = compareWithCpu(batch, tally);
        if (found !== undefined) throw new Error(`${found.message}\n${formatProgram(found.program)}`);
      }),
      { seed, path, numRuns: Math.ceil(Number(asked ?? 2000) / batchSize) },
    );
    console.log(`fuzz: ${programs} programs, seed ${seed}, compared ${tally.compared} left ${tally.left}`);
    if (details.failed) {
      const program = details.counterexample?.[0][0];
      expect.fail(
        `PRIMAL_FUZZ_SEED=${details.seed} PRIMAL_FUZZ_PATH=${details.counterexamplePath} shows it again (${details.numShrinks} shrinks)\n` +
          `${program === undefined ? '' : formatProgram(program)}\n${String(details.errorInstance)}`,
      );
    }
  });
});
