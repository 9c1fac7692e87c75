import fc from 'fast-check';
import type { Limits } from './generate.js';
import { formatProgram, type Program } from './program.js';
import { batches } from './programs.js';
import type { Tally } from './reference.js';
import { compareWithCpu } from './run.js';

/** So many programs are compiled together. */
export const batchSize = 16;

type Batch = readonly Program[];

/** Looks for a batch that differs; what it throws names the first difference. */
export async function search(
  limits: Limits,
  parameters: fc.Parameters<[Batch]>,
  tally: Tally = { compared: 0, left: 0 },
  onBatch: (batch: Batch) => void = () => {},
): Promise<fc.RunDetails<[Batch]>> {
  return fc.check(
    fc.asyncProperty(batches(batchSize, limits), async (batch) => {
      onBatch(batch);
      const found = await compareWithCpu(batch, tally);
      if (found !== undefined) throw new Error(found.message);
    }),
    parameters,
  );
}

/** The smallest failing program, and how to see it again. */
export function report(details: fc.RunDetails<[Batch]>, file: string): string {
  const programs = details.counterexample?.[0] ?? [];
  return (
    `${String(details.errorInstance)}\n${programs.map(formatProgram).join('\n\n')}\n` +
    `Again, with ${file} alone: PRIMAL_FUZZ_SEED=${details.seed} PRIMAL_FUZZ_PATH=${details.counterexamplePath}`
  );
}
