import { expect, it } from 'vitest';
import { report, search } from './search.js';

const seed = Number(process.env.PRIMAL_FUZZ_SEED ?? 42);
const path = process.env.PRIMAL_FUZZ_PATH;

/** The first programs of the same search, compiled as users compile theirs. */
it('random programs give what they give on cpu when the compiler optimizes fully, too', {
  timeout: 600_000,
}, async () => {
  let programs = 0;
  const details = await search({ minOps: 3, maxOps: 15 }, { seed, path, numRuns: 6 }, undefined, (batch) => {
    programs += batch.length;
  });
  console.log(
    `fuzz: ${programs} programs, fully optimized, seed ${seed}, ${details.failed ? 1 : 0} differences`,
  );
  if (details.failed) expect.fail(report(details, 'src/fuzz/optimized.test.ts'));
});
