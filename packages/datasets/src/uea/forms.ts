import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type FoundFile, findFile } from '../files.js';
import { joinDimensions, parseArff } from './parse-arff.js';
import { parseFrames } from './parse-frames.js';
import { parseTs, type TimeSeriesSet } from './parse-ts.js';
import type { DatasetEntry, Split, SplitFacts } from './registry.js';

/**
 * What a set's files are: the archive's `.ts` files, the archive's arff files of one dimension each, or the donor's own text
 * (`original`: SpokenArabicDigits as UCI gives it).
 */
export type UeaForm = 'ts' | 'arff' | 'original';

/** In the order in which they are looked for. */
export const ueaForms: readonly UeaForm[] = ['ts', 'arff', 'original'];

/** The archive of all sets, which may lie in the folder `uea` instead of one zip for each set. */
const wholeArchive = 'Multivariate2018_ts.zip';

/** The names of the files that make up a split; none where the set does not exist in this form. */
export function fileNames(entry: DatasetEntry, form: UeaForm, split: Split): string[] {
  const upper = split.toUpperCase();
  if (form === 'ts') return [`${entry.name}_${upper}.ts`];
  if (form === 'original') return entry.original ? [entry.original.files[split]] : [];
  return Array.from({ length: entry.dimensions }, (_, k) => `${entry.name}Dimension${k + 1}_${upper}.arff`);
}

/** Where the set's files are looked for. */
export function setFolder(entry: DatasetEntry, folder: string): string {
  if (entry.bundled) return fileURLToPath(new URL(`../../bundled/${entry.name}`, import.meta.url));
  return join(folder, 'uea', entry.name);
}

/** The files of the splits in this form, plain, packed or in a zip as downloaded; undefined when one is missing. */
export async function findForm(
  entry: DatasetEntry,
  form: UeaForm,
  splits: readonly Split[],
  folder: string,
): Promise<Map<Split, FoundFile[]> | undefined> {
  const archives = entry.bundled
    ? []
    : [join(folder, 'uea', `${entry.name}.zip`), join(folder, 'uea', wholeArchive)];
  const found = new Map<Split, FoundFile[]>();
  for (const split of splits) {
    const names = fileNames(entry, form, split);
    const files: FoundFile[] = [];
    for (const name of names) {
      const file = await findFile(setFolder(entry, folder), name, archives);
      if (!file) return undefined;
      files.push(file);
    }
    if (files.length === 0) return undefined;
    found.set(split, files);
  }
  return found;
}

/** What a split must be in this form. */
export function formFacts(entry: DatasetEntry, form: UeaForm, split: Split): SplitFacts {
  return form === 'original' ? entry.original![split] : entry[split];
}

/** The split in the contents of its files. */
export function parseForm(
  entry: DatasetEntry,
  form: UeaForm,
  files: readonly { where: string; bytes: Uint8Array }[],
): TimeSeriesSet {
  const { name, dimensions } = entry;
  if (form === 'arff') {
    const parts = files.map(({ where, bytes }) => ({
      set: parseArff(bytes, { file: where }),
      file: where,
    }));
    return joinDimensions(name, parts);
  }
  const [{ where, bytes }] = files;
  if (form === 'ts') return parseTs(bytes, { file: where });
  return parseFrames(bytes, { name, dimensions, classes: entry.original!.classes, file: where });
}
