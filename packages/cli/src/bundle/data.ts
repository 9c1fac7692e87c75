import { cpSync, createReadStream, createWriteStream, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { cachedImage, dataFolder, datasets, type Source, sourceOf } from '@primal-attention/datasets';

/** Sets whose raw files are too large to travel: what was made from them goes instead. */
const processed: Readonly<Record<string, (folder: string) => Promise<unknown>>> = {
  image: (folder) => cachedImage({}, { folder }),
};

/** All UEA sets, in place of their names. */
export const everyUea = 'uea';

/** The sets that a name of `--data` stands for. @throws Error naming all, for an unknown name */
export async function setsOf(name: string, folder: string = dataFolder()): Promise<Source[]> {
  if (name !== everyUea) return [sourceOf(name)];
  const sets = Object.values(datasets).filter(({ bundled }) => !bundled);
  const present: Source[] = [];
  for (const source of sets.map((entry) => sourceOf(entry.name))) {
    if ((await source.find(folder)).missing.length === 0) present.push(source);
  }
  if (present.length === 0)
    throw new Error(`bundle: no UEA set is in ${folder}; pnpm primal data list says where they come from`);
  return present;
}

/**
 * Puts what a loader needs of a set into `target`: its raw files in `data/`, unpacked where they are packed one by one, since all
 * together pack better; or the processed entry in `processed/`.
 *
 * @throws Error when something is missing
 */
export async function stageSet(source: Source, target: string, folder: string = dataFolder()): Promise<void> {
  const { files, missing } = await source.find(folder);
  if (missing.length > 0) {
    throw new Error(
      `bundle: ${source.name} is not in ${folder}: missing ${missing.join(', ')}; get it: pnpm primal data get ${source.name}`,
    );
  }
  const make = processed[source.name];
  if (make) {
    await make(join(target, 'processed'));
    return;
  }
  for (const { path, place } of files) await stageFile(path, join(target, 'data', place));
}

async function stageFile(path: string, target: string): Promise<void> {
  mkdirSync(dirname(target), { recursive: true });
  if (statSync(path).isFile() && target.endsWith('.gz')) {
    await pipeline(createReadStream(path), createGunzip(), createWriteStream(target.slice(0, -'.gz'.length)));
  } else cpSync(path, target, { recursive: true });
}
