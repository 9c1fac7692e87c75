import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { configHash } from '@primal-attention/training';
import type { Cell } from './cells.js';

/** The summaries that lie in the folders below `results`, by the names of these: a run comes before its variants. */
export function readSummaries<S>(results: string): S[] {
  if (!existsSync(results)) return [];
  return readdirSync(results)
    .filter((id) => existsSync(join(results, id, 'summary.json')))
    .sort()
    .map((id) => JSON.parse(readFileSync(join(results, id, 'summary.json'), 'utf8')) as S);
}

/** Runs whose configs are the same but for the seed, each group in the order of the list. */
export function groupBySeed<S extends { readonly config: object }>(runs: readonly S[]): S[][] {
  const groups = new Map<string, S[]>();
  for (const run of runs) {
    const key = configHash({ ...run.config, seed: undefined });
    groups.set(key, [...(groups.get(key) ?? []), run]);
  }
  return [...groups.values()];
}

/** A number of a cell that comes from runs of one config with one seed each, or more. */
export interface OverSeeds {
  readonly ours: number;
  readonly deviation?: number;
}

/** Where a cell's number comes from: the committed summaries of runs of `experiment`, a folder's name, such as `uea`. */
export function sourcesOf(
  experiment: string,
  runs: readonly { readonly id: string }[],
): Pick<Cell, 'source' | 'sources'> {
  const sources = runs.map(({ id }) => `experiments/${experiment}/results/${id}/summary.json`);
  return sources.length === 1 ? { source: sources[0] } : { source: sources[0], sources };
}

/** Mean, and standard deviation (with n - 1) of two values or more. */
export function overSeeds(values: readonly number[]): OverSeeds {
  const ours = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { ours };
  const squares = values.reduce((sum, value) => sum + (value - ours) ** 2, 0);
  return { ours, deviation: Math.sqrt(squares / (values.length - 1)) };
}
