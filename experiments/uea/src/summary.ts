import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { CommonSummary } from '@primal-attention/experiment';
import { type MetricsLine, readJsonLines } from '@primal-attention/training';
import { type RunConfig, readConfig } from './config.js';
import type { LayerSpectrum } from './spectra.js';

/** What is kept of a finished run: `summary.json`. */
export interface RunSummary extends CommonSummary<RunConfig> {
  readonly parameters: number;
  readonly trainCases: number;
  readonly testCases: number;
  /** Test series that were longer than the longest train series and lost their end, as in the paper's protocol. */
  readonly truncatedTestCases: number;
  /** Test accuracy in [0, 1]: the best over the evaluated epochs (the paper's protocol), and that of the last epoch. */
  readonly accuracy: { readonly best: number; readonly bestEpoch: number; readonly last: number };
  /** Seconds of training and evaluation, all sessions of a resumed run together. */
  readonly seconds: number;
  /** Of the best weights, on the first test samples. */
  readonly spectra: readonly LayerSpectrum[];
  readonly spectrumCases: number;
}

/** A run with the lines of its metrics log. */
export interface LoadedRun {
  readonly summary: RunSummary;
  readonly history: readonly MetricsLine[];
  /** `runs`: computed here; `results`: the committed reference. */
  readonly origin: 'runs' | 'results';
}

/** The folder of this experiment. */
export const experimentFolder = dirname(dirname(fileURLToPath(import.meta.url)));

/** Names of all runs: the folders with a config. */
export function runIds(): string[] {
  return readdirSync(experimentFolder)
    .filter((name) => existsSync(join(experimentFolder, name, 'config.json')))
    .sort();
}

/** The config of a run. */
export function configOf(id: string): RunConfig {
  return readConfig(join(experimentFolder, id, 'config.json'));
}

/** Names of the runs that have finished: here, or as committed reference, or either. */
export function finishedIds(from: 'any' | LoadedRun['origin'] = 'any'): string[] {
  const finished = ({ folder }: { folder: string }): boolean => existsSync(join(folder, 'summary.json'));
  return runIds().filter((id) => placesOf(id, from).some(finished));
}

function placesOf(
  id: string,
  from: 'any' | LoadedRun['origin'],
): { origin: LoadedRun['origin']; folder: string }[] {
  const places = [
    { origin: 'runs', folder: join(experimentFolder, id, 'run') },
    { origin: 'results', folder: join(experimentFolder, 'results', id) },
  ] as const;
  return places.filter(({ origin }) => from === 'any' || origin === from);
}

/**
 * A finished run: the one computed here (`<id>/run`), else the committed reference (`results/<id>`).
 *
 * @throws Error that says how to compute it when there is neither
 */
export function loadRun(id: string, from: 'any' | LoadedRun['origin'] = 'any'): LoadedRun {
  for (const { origin, folder } of placesOf(id, from)) {
    const path = join(folder, 'summary.json');
    if (!existsSync(path)) continue;
    return {
      origin,
      summary: JSON.parse(readFileSync(path, 'utf8')) as RunSummary,
      history: readJsonLines(join(folder, 'metrics.jsonl')) as MetricsLine[],
    };
  }
  throw new Error(`run '${id}' has no result yet; compute it with: pnpm turbo run experiment`);
}
