import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { configHash } from '@primal-attention/training';
import { summaryFile } from '../runs/snapshot.js';
import { readState } from '../runs/state.js';

/**
 * Puts the finished runs of a state that came from a GPU node into their folders, `experiments/EXPERIMENT/RUN/run`, from where they
 * can be promoted. What has finished here stays as it is.
 *
 * @throws Error when the state is not whole
 */
export function importState(path: string, root: string, say: (line: string) => void): void {
  const experiments = join(root, 'experiments');
  // On the same disk as the runs, so that each arrives as a whole.
  const shelf = mkdtempSync(join(experiments, '.import-'));
  try {
    for (const id of readState(path, shelf)) say(`${id}: ${takeRun(join(shelf, id), join(experiments, id))}`);
  } finally {
    rmSync(shelf, { recursive: true });
  }
}

/** @returns what became of it */
function takeRun(from: string, folder: string): string {
  const configPath = join(folder, 'config.json');
  if (!existsSync(join(from, summaryFile))) return 'left out, it has not finished';
  if (!existsSync(configPath)) return `left out, there is no such run here (${configPath})`;
  const config = JSON.parse(readFileSync(configPath, 'utf8')) as unknown;
  const marker = join(from, 'config-hash');
  const hash = existsSync(marker) ? readFileSync(marker, 'utf8').trim() : undefined;
  if (hash !== configHash(config)) return 'left out, it was made from another config';
  const target = join(folder, 'run');
  if (existsSync(join(target, summaryFile))) return 'left out, a finished run is here already';
  if (existsSync(target)) rmSync(target, { recursive: true });
  renameSync(from, target);
  return 'imported';
}
