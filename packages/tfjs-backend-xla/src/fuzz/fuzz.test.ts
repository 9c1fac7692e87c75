import { expect, it } from 'vitest';
import { xla } from '../testing/compare.js';
import { opTable } from './op-table.js';
import { batchSize, report, search } from './search.js';

/*
 * PRIMAL_FUZZ_RUNS=20000 runs that many programs instead of as many as fit into a few minutes; PRIMAL_FUZZ_SEED chooses
 * others. A failure prints the seed and the path that lead to it at once (PRIMAL_FUZZ_PATH).
 */
const seed = Number(process.env.PRIMAL_FUZZ_SEED ?? 42);
const path = process.env.PRIMAL_FUZZ_PATH;
const asked = process.env.PRIMAL_FUZZ_RUNS;

const timeLimit = 240_000;
/** More compiled programs are never kept. */
const cacheCapacity = 256;

it('random programs give on xla, eagerly and compiled, what they give on cpu, and so do their gradients', {
  timeout: asked === undefined ? 2 * timeLimit : 24 * 3_600_000,
}, async () => {
  const tally = { compared: 0, left: 0 };
  const seen = new Set<string>();
  let programs = 0;
  const details = await search(
    { minOps: 3, maxOps: 15 },
    {
      seed,
      path,
      numRuns: Math.ceil(Number(asked ?? 2500) / batchSize),
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
  if (differences > 0) expect.fail(report(details, 'src/fuzz/fuzz.test.ts'));
  // What follows would be true of a search that looks at nothing.
  if (path !== undefined) return;
  expect(programs).toBeGreaterThanOrEqual(Math.min(10 * batchSize, Number(asked ?? 10 * batchSize)));
  expect(tally.left).toBeLessThan(0.03 * tally.compared);
  if (programs >= 1000) expect([...opTable.keys()].filter((name) => !seen.has(name))).toEqual([]);
  expect(xla().executables.size).toBeLessThanOrEqual(cacheCapacity);
});
