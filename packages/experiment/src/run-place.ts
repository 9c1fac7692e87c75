import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { writeWhole } from './write-whole.js';

/**
 * Makes `directory` the place of the run whose config has this hash.
 *
 * Results are never overwritten: what another config left there goes to `superseded/<its hash>` beside the directory.
 */
export function claimRunPlace(directory: string, hash: string): void {
  const other = hashOf(directory);
  if (other !== undefined && other !== hash) {
    const superseded = join(dirname(resolve(directory)), 'superseded');
    mkdirSync(superseded, { recursive: true });
    let target = join(superseded, other.slice(0, 12));
    for (let i = 2; existsSync(target); i++) target = join(superseded, `${other.slice(0, 12)}-${i}`);
    renameSync(directory, target);
    console.log(`the run of another config (${other.slice(0, 12)}) was moved to ${target}`);
  }
  mkdirSync(directory, { recursive: true });
  if (hashOf(directory) !== hash) writeWhole(join(directory, 'config-hash'), `${hash}\n`);
}

/** The hash of the config whose run a folder holds; undefined where it holds none. */
function hashOf(directory: string): string | undefined {
  const marker = join(directory, 'config-hash');
  if (existsSync(marker)) return readFileSync(marker, 'utf8').trim();
  return existsSync(directory) && readdirSync(directory).length > 0 ? 'unknown' : undefined;
}

/** What a finished run left in `directory`: its summary.json, where it is of the config with this hash. */
export function finishedSummary<S extends { readonly configHash: string }>(
  directory: string,
  hash: string,
): S | undefined {
  const path = join(directory, 'summary.json');
  if (!existsSync(path)) return undefined;
  const summary = JSON.parse(readFileSync(path, 'utf8')) as S;
  return summary.configHash === hash ? summary : undefined;
}
