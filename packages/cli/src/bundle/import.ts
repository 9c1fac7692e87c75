import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseId, placesOf } from '@primal-attention/experiment';
import { configHash } from '@primal-attention/training';
import { summaryFile } from '../runs/snapshot.js';
import { readState } from '../runs/state.js';

/**
 * Puts the finished runs of a state that came from a GPU node into their folders, `experiments/EXPERIMENT/RUN/run`, or, of a variant,
 * `…/variants/seed1`, from where they can be promoted. What has finished here stays as it is.
 *
 * @throws Error when the state is not whole
 */
export function importState(path: string, root: string, say: (line: string) => void): void {
  const experiments = join(root, 'experiments');
  // On the same disk as the runs, so that each arrives as a whole.
  const shelf = mkdtempSync(join(experiments, '.import-'));
  try {
    for (const id of readState(path, shelf)) say(`${id}: ${takeRun(join(shelf, id), id, experiments)}`);
  } finally {
    rmSync(shelf, { recursive: true });
  }
}

/** @returns what became of it */
function takeRun(from: string, id: string, experiments: string): string {
  if (!existsSync(join(from, summaryFile))) return 'left out, it has not finished';
  const listed = parseId(id);
  const folder = join(experiments, listed?.run ?? id);
  const configPath = join(folder, 'config.json');
  if (listed === undefined || !existsSync(configPath))
    return `left out, there is no such run here (${configPath})`;
  const config = { ...(JSON.parse(readFileSync(configPath, 'utf8')) as object), ...listed.variant };
  const marker = join(from, 'config-hash');
  const hash = existsSync(marker) ? readFileSync(marker, 'utf8').trim() : undefined;
  if (hash !== configHash(config)) return 'left out, it was made from another config';
  const { result } = placesOf(folder, listed.variant);
  if (existsSync(join(result, summaryFile))) return 'left out, a finished run is here already';
  if (existsSync(result)) rmSync(result, { recursive: true });
  mkdirSync(dirname(result), { recursive: true });
  renameSync(from, result);
  return 'imported';
}
