// Every attention mechanism as a layer, forward and backward: ours beside the same formula in JAX, in turn.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provenance } from '@primal-attention/experiment';
import { compare } from './attention/compare.js';
import { jaxPeer, ours } from './attention/contestant.js';
import { type Options, parseOptions, usage } from './attention/options.js';
import { serveLayers } from './attention/program.js';
import { resultFile, type SavedLine, saveLines } from './attention/results.js';
import { layerCase, withoutSettings } from './attention/settings.js';
import { attentionTable } from './attention/table.js';
import { UsageError } from './command-line.js';
import { isQuiet, reportBusy } from './machine-use.js';
import { hasModule } from './peer.js';

async function compareAll(options: Options): Promise<void> {
  const { mechanisms, lengths, batch, seed, save } = options;
  // Before anything runs: what counts is the code that was loaded.
  const { commit, modified, date, machine } = provenance();
  if (options.withJax && !hasModule(options.python, 'jax')) {
    throw new UsageError(
      `--peers: '${options.python}' cannot import jax; install it there or name another Python with --peer-python`,
    );
  }
  const missing = withoutSettings();
  if (missing.length > 0) console.error(`Not timed, since they have no settings here: ${missing.join(', ')}`);
  const folder = mkdtempSync(join(tmpdir(), 'primal-bench-'));
  const contestants = [ours(options), ...(options.withJax ? [jaxPeer(options)] : [])];
  const lines: SavedLine[] = [];
  try {
    for (const length of lengths) {
      for (const name of mechanisms) {
        const of = layerCase(name, batch, seed, { ...options, length });
        const line = {
          ...(await compare(contestants, of, options, folder)),
          machine,
          commit,
          modified,
          date,
        };
        // At once: a run that is cut off has said what it had.
        console.log(JSON.stringify(line));
        lines.push(line);
      }
    }
    for (const contestant of contestants) await contestant.end();
  } finally {
    for (const contestant of contestants) contestant.kill();
    rmSync(folder, { recursive: true, force: true });
  }
  console.log(attentionTable(lines));
  const others = Math.max(...lines.map((line) => line.others ?? 0));
  if (!isQuiet(others)) reportBusy(others, save !== undefined);
  else if (save !== undefined) saveLines(resultFile(save, options), lines);
  // Two programs that compute different things are a fault of this repository; ours that computes nothing, of its set-up.
  const isWrong = lines.some(({ failures }) => failures.check !== undefined);
  if (isWrong || lines.every(({ msOurs }) => msOurs === null)) process.exitCode = 1;
}

const args = process.argv.slice(2);
if (args[0] === '--serve') {
  await serveLayers();
} else {
  try {
    await compareAll(parseOptions(args));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    process.exitCode = 2;
  }
}
