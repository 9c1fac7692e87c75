// One training step of the paper's LRA text classifier: ours on each backend and in each form asked for, beside PyTorch and JAX,
// in turn.
import { provenance } from '@primal-attention/experiment';
import { UsageError } from './command-line.js';
import { compare } from './lra-step/compare.js';
import { checkModule } from './lra-step/contestant.js';
import { lengthsFile, saveLengths, stepFile, writeLines } from './lra-step/files.js';
import { type Options, parseOptions, usage } from './lra-step/options.js';
import { type PeerName, peerProgram } from './lra-step/peers.js';
import { profileAll } from './lra-step/profile.js';
import { serveBackend } from './lra-step/program.js';
import { hasTimes, type Line } from './lra-step/result-line.js';
import type { Backend, OwnSettings } from './lra-step/settings.js';
import { lengthsTable, table } from './lra-step/table.js';
import { isQuiet, reportBusy } from './machine-use.js';
import { callOverhead } from './overhead.js';

async function main(options: Options): Promise<void> {
  // Before anything runs: what counts is the code that was loaded.
  const { commit, modified, date, machine } = provenance();
  const origin = { commit, modified, date, machine };
  const peers = options.comparisons.flat().filter(({ kernels }) => kernels === null);
  for (const module of new Set(peers.map(({ name }) => peerProgram(name as PeerName).module))) {
    checkModule('--peers', module, options);
  }
  for (const note of options.notes) console.error(note);
  if (options.mode === 'profile') {
    await profileAll(options, origin);
    return;
  }
  const found: Line[] = [];
  for (const entries of options.comparisons) {
    try {
      const { lines, others } = await compare(entries, options, origin);
      for (const line of lines) console.log(JSON.stringify(line));
      console.log(table(lines));
      found.push(...lines);
      if (!lines.every(hasTimes)) process.exitCode = 1;
      if (!isQuiet(others)) reportBusy(others, options.save !== undefined);
      else if (options.save === undefined || !lines.some(hasTimes)) continue;
      else if (options.mode === 'tables') writeLines(stepFile(options.save, entries, options.device), lines);
      else saveLengths(lengthsFile(options.save, entries, options.device), lines);
    } catch (error) {
      // What is wrong with one comparison takes no other with it.
      console.error(error);
      process.exitCode = 1;
    }
  }
  if (options.mode !== 'lengths') return;
  for (const precision of new Set(found.map((line) => line.precision))) {
    console.log(lengthsTable(found.filter((line) => line.precision === precision)));
  }
}

const args = process.argv.slice(2);
if (args[0] === '--serve') {
  const [, name, settings] = args;
  await serveBackend(name as Backend, JSON.parse(settings) as OwnSettings);
} else if (args.includes('--overhead')) {
  console.log(JSON.stringify(await callOverhead()));
} else {
  try {
    await main(parseOptions(args));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    process.exitCode = 2;
  }
}
