// One training step of the paper's LRA text classifier: ours on each backend asked for, beside PyTorch and JAX, in turn.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provenance, writeWhole } from '@primal-attention/experiment';
import { UsageError } from './command-line.js';
import { type Contestant, checkPeer, startBackend, startPeer } from './lra-step/contestant.js';
import { type Options, parseOptions, usage } from './lra-step/options.js';
import { serveBackend } from './lra-step/program.js';
import { resultLine } from './lra-step/result-line.js';
import type { Backend, StepSettings } from './lra-step/settings.js';
import { table } from './lra-step/table.js';
import { isQuiet, reportBusy } from './machine-use.js';
import { callOverhead } from './overhead.js';
import { takeTurns } from './turns.js';

// A loss is about 0.7. float32 leaves differences of 1e-6 between backends, bf16 (on xla alone) of 1e-3.
const lossTolerance = 5e-3;

async function compare(options: Options): Promise<void> {
  const { settings, rounds } = options;
  // Before anything runs: what counts is the code that was loaded.
  const { commit, modified, date, machine } = provenance();
  for (const peer of options.peers) checkPeer(peer, options);
  const cache = mkdtempSync(join(tmpdir(), 'primal-bench-'));
  const contestants: Contestant[] = [];
  try {
    for (const name of options.backends) contestants.push(await startBackend(name, options, cache));
    for (const name of options.peers) contestants.push(await startPeer(name, options));
    checkParameters(contestants);
    checkLosses(contestants.slice(0, options.backends.length));

    const { times, others } = await takeTurns(contestants, rounds);
    for (const { peer } of contestants) await peer.end();

    const lines = times.map((time) =>
      resultLine(time, times[0], settings, { rounds, machine, others, commit, modified, date }),
    );
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    process.stdout.write(text);
    console.log(table(lines));
    if (!isQuiet(others)) {
      reportBusy(others, options.save !== undefined);
    } else if (options.save !== undefined) {
      const { mechanism, length, batch, precision } = settings;
      const file = `lra-step-${options.device}-${mechanism}-n${length}-b${batch}-${precision}.jsonl`;
      writeWhole(join(options.save, file), text);
    }
  } finally {
    for (const { peer } of contestants) peer.kill();
    rmSync(cache, { recursive: true, force: true });
  }
}

function checkParameters(contestants: readonly Contestant[]): void {
  const counts = contestants.map(({ name, info }) => `${name} ${info.parameters}`);
  if (new Set(contestants.map(({ info }) => info.parameters)).size > 1) {
    throw new Error(`the programs' models have different numbers of parameters: ${counts.join(', ')}`);
  }
}

/** Backends draw the same weights, data and dropout masks: another loss means another computation. */
function checkLosses(backends: readonly Contestant[]): void {
  const losses = backends.map(({ loss }) => loss);
  if (!losses.every(Number.isFinite) || Math.max(...losses) - Math.min(...losses) > lossTolerance) {
    throw new Error(
      `the backends' first losses differ: ${backends.map(({ name, loss }) => `${name} ${loss}`).join(', ')}`,
    );
  }
}

const args = process.argv.slice(2);
if (args[0] === '--serve') {
  const [, name, settings] = args;
  await serveBackend(name as Backend, JSON.parse(settings) as StepSettings);
} else if (args.includes('--overhead')) {
  console.log(JSON.stringify(await callOverhead()));
} else {
  try {
    await compare(parseOptions(args));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n\n${usage}`);
    process.exitCode = 2;
  }
}
