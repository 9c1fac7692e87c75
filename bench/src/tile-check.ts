// Tile kernels on a GPU: whether what they compute is what plain formulations compute, in every place where they may stand.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { provenance, writeWhole } from '@primal-attention/experiment';
import { type TileProgram, tileKernelRefusal, useBackend } from '@primal-attention/runtime';
import type { XlaBackend } from '@primal-attention/tfjs-backend-xla';
import '@primal-attention/tfjs-backend-xla';
import * as tf from '@tensorflow/tfjs';
import { checks, type Found, measured } from './tile-check/checks.js';
import { classifierChecks } from './tile-check/classifier.js';
import { optimizerChecks } from './tile-check/optimizer.js';
import { besideFirst, type Outcome, outcomeOf, type Round } from './tile-check/round.js';
import { trainingChecks } from './tile-check/training.js';

const usage = `node tile-check.mjs [--output FILE] [--programs FILE]

Runs every check in two processes: one that compiles, one that loads what the first one compiled, and whose training must give
the same bits. Ends with status 1 when a check fails, or kernels do not run here.

--output FILE    where the results go, as JSON; default tile-check.json
--programs FILE  a JSON list of further kernels (TileProgram), to be compiled and timed`;

/** One process's part: runs the checks and prints what they found, as one line. */
async function runChecks(round: string, programs: readonly TileProgram[]): Promise<void> {
  await useBackend('xla');
  const refusal = tileKernelRefusal() ?? null;
  const xla = tf.backend() as unknown as XlaBackend;
  const outcomes: Outcome[] = [];
  for (const [check, run] of Object.entries({
    ...checks(round === 'cold'),
    ...classifierChecks(),
    ...optimizerChecks(),
    ...trainingChecks(),
    ...measured(programs),
  })) {
    let found: Found;
    try {
      found = tf.tidy(run as () => never);
    } catch (error) {
      found = { wrong: `${(error as Error).message}`.slice(0, 1000) };
    }
    outcomes.push(outcomeOf(check, found));
  }
  const { compilations, milliseconds, loads } = xla.executables.statistics;
  const result: Round = {
    ...{ round, ...provenance(), refusal, outcomes },
    ...{ compilations, compileMs: Math.round(milliseconds), loads },
  };
  console.log(JSON.stringify(result));
}

function table({ round, refusal, device, outcomes, compilations, compileMs, loads }: Round): string {
  const lines = outcomes.map(({ check, ok, error, wrong, detail }) =>
    [
      ok ? 'ok    ' : 'FAILED',
      check.padEnd(54),
      // NaN came through JSON, which has none.
      error === undefined ? '' : `error ${(error ?? Number.NaN).toExponential(1)}`,
      wrong,
      detail,
    ]
      .filter((part) => part !== undefined && part !== '')
      .join('  '),
  );
  return [
    `${round}: ${device}; kernels ${refusal === null ? 'run' : `do not run: ${refusal}`}; ` +
      `${compilations} programs compiled in ${compileMs} ms, ${loads} loaded`,
    ...lines,
  ].join('\n');
}

function runAll(output: string, programs: string | undefined): boolean {
  const folder = mkdtempSync(join(tmpdir(), 'primal-tile-check-'));
  const rounds: Round[] = [];
  let isWhole = true;
  try {
    for (const round of ['cold', 'disk']) {
      const { stdout, status, signal } = spawnSync(
        process.execPath,
        [
          fileURLToPath(import.meta.url),
          '--round',
          round,
          ...(programs === undefined ? [] : ['--programs', programs]),
        ],
        {
          env: { ...process.env, PRIMAL_CACHE: folder, PRIMAL_LOG: 'tile' },
          stdio: ['ignore', 'pipe', 'inherit'],
          encoding: 'utf8',
          maxBuffer: 2 ** 28,
        },
      );
      const last = stdout.trim().split('\n').at(-1) ?? '';
      if (status !== 0 || last === '') {
        console.error(`${round}: the process ended with ${signal ?? `status ${status}`}`);
        isWhole = false;
        continue;
      }
      const found = JSON.parse(last) as Round;
      // Both took the same launches: this one read from disk what the first one chose.
      const [first] = rounds;
      rounds.push(first === undefined ? found : besideFirst(found, first));
      console.log(`${table(rounds.at(-1)!)}\n`);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  writeWhole(output, `${JSON.stringify(rounds, undefined, 2)}\n`);
  console.log(`written to ${output}`);
  return (
    isWhole && rounds.every(({ refusal, outcomes }) => refusal === null && outcomes.every(({ ok }) => ok))
  );
}

function options(): { output?: string; programs?: string; round?: string } | undefined {
  try {
    const string = { type: 'string' } as const;
    return parseArgs({ options: { output: string, programs: string, round: string } }).values;
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return undefined;
  }
}

const asked = options();
if (asked === undefined) process.exitCode = 2;
else if (asked.round !== undefined) {
  const { programs } = asked;
  await runChecks(
    asked.round,
    programs === undefined ? [] : (JSON.parse(readFileSync(programs, 'utf8')) as TileProgram[]),
  );
} else if (!runAll(asked.output ?? 'tile-check.json', asked.programs)) process.exitCode = 1;
