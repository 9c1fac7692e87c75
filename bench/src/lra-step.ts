// One training step of the paper's LRA text classifier: ours on each backend asked for, beside PyTorch and JAX, in turn.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { provenance } from '@primal-attention/experiment-uea/provenance';
import { writeWhole } from '@primal-attention/experiment-uea/write-whole';
import { type Contestant, checkPeer, startBackend, startPeer } from './lra-step/contestant.js';
import { type Options, parseOptions, UsageError, usage } from './lra-step/options.js';
import { serveBackend } from './lra-step/program.js';
import type { Backend, StepSettings } from './lra-step/settings.js';
import { table } from './lra-step/table.js';
import { MachineUse } from './machine-use.js';
import { callOverhead } from './overhead.js';
import { median } from './statistics.js';

// Other programs may take this share of the machine.
const othersAtMost = 0.03;
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

    const results = contestants.map((contestant) => ({
      contestant,
      ms: [] as number[],
      overheadMs: [] as number[],
      cpuMs: 0,
    }));
    const use = new MachineUse();
    for (let round = 0; round < rounds; round++) {
      for (const result of results) {
        const { ms, overheadMs, cpuMs } = await result.contestant.peer.round();
        result.ms.push(...ms);
        result.overheadMs.push(...(overheadMs ?? []));
        result.cpuMs = cpuMs;
      }
    }
    const others = use.shareOfOthers(results.reduce((sum, { cpuMs }) => sum + cpuMs, 0));
    for (const { peer } of contestants) await peer.end();

    const { mechanism, length, batch, precision, seed, steps, stepsPerRead } = settings;
    const lines = results.map(({ contestant: { name, info, firstLossMs, compileMs }, ms, overheadMs }) => ({
      ...{ backend: name, mechanism, length, batch, precision },
      msPerStep: median(ms),
      msPerStepMin: Math.min(...ms),
      overheadMs: overheadMs.length > 0 ? median(overheadMs) : null,
      ...{ compileMs, firstLossMs },
      ...{
        peakBytes: info.peakBytes,
        peakBytesSource: info.peakBytesSource,
        programBytes: info.programBytes,
      },
      ...{ parameters: info.parameters, device: info.device, versions: info.versions, threads: info.threads },
      ...{ seed, stepsPerRead, steps, rounds, machine, others, commit, modified, date },
    }));
    const text = lines.map((line) => `${JSON.stringify(line)}\n`).join('');
    process.stdout.write(text);
    console.log(table(lines));
    const quiet = others <= othersAtMost;
    if (!quiet) {
      const [share, most] = [others, othersAtMost].map((value) => `${(100 * value).toFixed(1)} %`);
      console.error(
        `Other programs took ${share} of the machine (at most ${most}): no time above counts${options.save ? ', and nothing was saved' : ''}.`,
      );
    }
    if (options.save === undefined) return;
    if (!quiet) {
      process.exitCode = 1;
      return;
    }
    const file = `lra-step-${options.device}-${mechanism}-n${length}-b${batch}-${precision}.jsonl`;
    writeWhole(join(options.save, file), text);
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
