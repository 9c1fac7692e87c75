import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { refuseRunFolderInUse } from '@primal-attention/training';
import { type Variant, variantName } from './variant.js';
import { writeWhole } from './write-whole.js';

/** Where the files of a run are while it is made, and where its result is. */
export interface RunPlaces {
  readonly work: string;
  readonly result: string;
  /** What takes the files of another config. */
  readonly superseded: string;
}

/**
 * The places of a run below its folder: `run`, or, of a variant, `variants/seed1`, where it comes from `unfinished/seed1` when it is
 * whole. Turbo keeps what is in `variants` with each of them, and brings it back: a half of another one must not be there.
 *
 * @param out takes all of a run's files, in place of these
 */
export function placesOf(folder: string, variant: Variant, out?: string): RunPlaces {
  if (out !== undefined) {
    return { work: out, result: out, superseded: join(dirname(resolve(out)), 'superseded') };
  }
  const name = variantName(variant);
  const superseded = join(resolve(folder), 'superseded');
  const run = join(folder, 'run');
  if (name === '') return { work: run, result: run, superseded };
  return { work: join(folder, 'unfinished', name), result: join(folder, 'variants', name), superseded };
}

/** The folders of the finished runs below a run's folder: its own, and those of its variants. */
export function finishedPlaces(folder: string): string[] {
  const variants = join(folder, 'variants');
  const names = existsSync(variants) ? readdirSync(variants).sort() : [];
  return [join(folder, 'run'), ...names.map((name) => join(variants, name))].filter((place) =>
    existsSync(join(place, 'summary.json')),
  );
}

/**
 * Makes `work` the place of the run whose config has this hash.
 *
 * Results are never overwritten: what another config left there, or at the result's place, goes to `superseded/<its hash>`.
 *
 * @throws RunInUseError where another process trains in `work` at this moment
 */
export function claimRunPlace({ work, result, superseded }: RunPlaces, hash: string): void {
  refuseRunFolderInUse(work);
  for (const place of new Set([work, result])) setAside(place, superseded, hash);
  mkdirSync(work, { recursive: true });
  if (hashOf(work) !== hash) writeWhole(join(work, 'config-hash'), `${hash}\n`);
}

/** Puts a run that is complete at its result's place. */
export function settleRun({ work, result }: RunPlaces): void {
  if (work === result) return;
  if (!existsSync(join(result, 'summary.json'))) rmSync(result, { recursive: true, force: true });
  mkdirSync(dirname(result), { recursive: true });
  renameSync(work, result);
}

function setAside(directory: string, superseded: string, hash: string): void {
  const other = hashOf(directory);
  if (other === undefined || other === hash) return;
  mkdirSync(superseded, { recursive: true });
  let target = join(superseded, other.slice(0, 12));
  for (let i = 2; existsSync(target); i++) target = join(superseded, `${other.slice(0, 12)}-${i}`);
  renameSync(directory, target);
  console.log(`the run of another config (${other.slice(0, 12)}) was moved to ${target}`);
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
