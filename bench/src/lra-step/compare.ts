import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { takeTurns } from '../turns.js';
import { type Contestant, startContestant } from './contestant.js';
import type { Comparison, Options } from './options.js';
import { failureLine, type Line, labelOf, type Run, resultLine } from './result-line.js';

// A loss is about 0.7. float32 leaves differences of 1e-6 between backends, bf16 and kernels of 1e-3.
const lossTolerance = 5e-3;

/** Lines of a comparison, in its order, and the share of the machine that others took meanwhile. */
export interface Compared {
  readonly lines: Line[];
  readonly others: number;
}

/**
 * Starts the programs of a comparison, and lets them take turns. A program that does not start, for lack of memory, say, has a
 * line that says so, and takes no other with it.
 *
 * @throws Error when the programs do not compute the same
 */
export async function compare(
  entries: Comparison,
  options: Options,
  origin: Omit<Run, 'others' | 'rounds'>,
): Promise<Compared> {
  const cache = mkdtempSync(join(tmpdir(), 'primal-bench-'));
  const contestants: Contestant[] = [];
  const failures = new Map<number, string>();
  try {
    for (const [i, entry] of entries.entries()) {
      try {
        contestants.push(await startContestant(entry, options, join(cache, String(i))));
      } catch (error) {
        failures.set(i, (error as Error).message);
        console.error(`Error of ${labelOf(entry, true)}: ${(error as Error).message}`);
      }
    }
    checkParameters(contestants);
    checkLosses(contestants);
    const { rounds } = options;
    const { times, others } = await takeTurns(contestants, rounds);
    for (const { peer } of contestants) await peer.end();

    const withMechanism = new Set(entries.map(({ settings }) => settings.mechanism)).size > 1;
    const run = { ...origin, rounds };
    const lines = entries.map((entry, i): Line => {
      const failure = failures.get(i);
      if (failure !== undefined) return failureLine(entry, failure, run);
      const mine = times.find(({ contestant }) => contestant.entry === entry)!;
      return resultLine(mine, times[0], withMechanism, { ...run, others });
    });
    return { lines, others };
  } finally {
    for (const { peer } of contestants) peer.kill();
    rmSync(cache, { recursive: true, force: true });
  }
}

function byMechanism(contestants: readonly Contestant[]): Contestant[][] {
  const names = [...new Set(contestants.map(({ entry }) => entry.settings.mechanism))];
  return names.map((name) => contestants.filter(({ entry }) => entry.settings.mechanism === name));
}

function checkParameters(contestants: readonly Contestant[]): void {
  for (const alike of byMechanism(contestants)) {
    if (new Set(alike.map(({ info }) => info.parameters)).size === 1) continue;
    const counts = alike.map(({ entry, info }) => `${labelOf(entry, true)} ${info.parameters}`);
    throw new Error(`the programs' models have different numbers of parameters: ${counts.join(', ')}`);
  }
}

/** Ours draw the same weights, data and dropout masks, whatever the backend and the form: another loss means another computation. */
function checkLosses(contestants: readonly Contestant[]): void {
  for (const alike of byMechanism(contestants.filter(({ entry }) => entry.kernels !== null))) {
    const losses = alike.map(({ loss }) => loss);
    if (losses.every(Number.isFinite) && Math.max(...losses) - Math.min(...losses) <= lossTolerance) continue;
    const named = alike.map(({ entry, loss }) => `${labelOf(entry, true)} ${loss}`);
    throw new Error(`the first losses of the same model differ: ${named.join(', ')}`);
  }
}
