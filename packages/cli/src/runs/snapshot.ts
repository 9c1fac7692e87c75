import { copyFileSync, existsSync, linkSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** Of a run's folder, which a process may be writing. */
export interface Snapshot {
  readonly id: string;
  readonly folder: string;
  readonly bytes: number;
}

/** A run is complete when it has this file, which is written last. */
export const summaryFile = 'summary.json';

const [best, last] = ['best.safetensors', 'last.safetensors'];

/**
 * Copies the files of a run into `target` as they could have been at one moment. Of a finished run weights are left out: what counts is
 * in its small files.
 *
 * A run writes lines into its logs, then `last`, which says how long the logs are, then `best`, each under another name that is then
 * renamed. So `best` is taken first, `last` next, as links to the files themselves, and the logs at the end: they may then be too long,
 * which a run mends when it goes on, and never too short.
 */
export function takeSnapshot(id: string, source: string, target: string): Snapshot {
  const finished = existsSync(join(source, summaryFile));
  for (;;) {
    rmSync(target, { recursive: true, force: true });
    mkdirSync(target, { recursive: true });
    if (finished) break;
    const before = inode(join(source, best));
    for (const name of [best, last]) {
      if (existsSync(join(source, name))) linkSync(join(source, name), join(target, name));
    }
    // Else `last` may be newer than `best` by more than one checkpoint.
    if (inode(join(source, best)) === before) break;
  }
  for (const name of readdirSync(source)) {
    if (name.includes('.tmp') || name.endsWith('.safetensors')) continue;
    if (statSync(join(source, name)).isFile()) copyFileSync(join(source, name), join(target, name));
  }
  const bytes = readdirSync(target).reduce((sum, name) => sum + statSync(join(target, name)).size, 0);
  return { id, folder: target, bytes };
}

function inode(path: string): number | undefined {
  return statSync(path, { throwIfNoEntry: false })?.ino;
}
