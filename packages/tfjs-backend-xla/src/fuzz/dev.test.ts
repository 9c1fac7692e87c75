import fc from 'fast-check';
import { it } from 'vitest';
import { opTable } from './op-table.js';
import { formatProgram } from './program.js';
import { batches } from './programs.js';
import { reference } from './reference.js';
import { compareWithCpu } from './run.js';

it('each', { timeout: 3e6 }, () => {
  for (const only of opTable.keys()) {
    if (process.env.ONLY && !process.env.ONLY.split(',').includes(only)) continue;
    const tally = { compared: 0, left: 0 };
    const start = performance.now();
    let d;
    try {
      d = fc.check(
        fc.property(batches(8, { minOps: 1, maxOps: Number(process.env.MAXOPS ?? 1), only }), (batch) => {
          if (process.env.CPU) {
            batch.map(reference);
            return;
          }
          const found = compareWithCpu(batch, tally);
          if (found !== undefined) throw new Error(`${found.message}`);
        }),
        { seed: Number(process.env.SEED ?? 1), numRuns: Number(process.env.N ?? 2) },
      );
    } catch (e) {
      console.log(only, 'THROWS', (e as Error).stack?.split('\n').slice(0, 6).join('\n'));
      continue;
    }
    if (d.failed)
      console.log(
        `FAIL ${only}\n${formatProgram((d.counterexample![0] as never)[0])}\n${(
          d.errorInstance as Error
        )?.stack
          ?.split('\n')
          .slice(0, Number(process.env.STACK ?? 1))
          .join('\n')}`,
      );
    else
      console.log(`ok ${only} ${tally.compared} ${tally.left} ${(performance.now() - start).toFixed(0)}ms`);
  }
});
