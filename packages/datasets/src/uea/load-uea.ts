import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { dataFolder } from '../data-folder.js';
import { parseTs, type TimeSeriesSet } from './parse-ts.js';
import { type DatasetEntry, type DatasetName, datasets, type Split, type SplitFacts } from './registry.js';

/** Options of {@link loadUea}. */
export interface LoadUeaOptions {
  /** Folder that holds `uea/NAME/NAME_TRAIN.ts`. Default: `dataFolder()`. Bundled sets do not use it. */
  folder?: string;
  /**
   * `checksum` (default): the bytes must be those that our results were made with, where the registry knows them.
   * `facts`: another copy will do, as long as counts, dimensions, lengths and classes agree with the registry.
   */
  verify?: 'checksum' | 'facts';
}

/** Both splits of a UEA set, as they are in the files. */
export interface UeaSet {
  train: TimeSeriesSet;
  test: TimeSeriesSet;
}

/**
 * Loads train and test of a UEA set: JapaneseVowels from this package, the others from the data folder (`PRIMAL_DATA`).
 *
 * Every file is checked against the registry `datasets`. Nothing is downloaded.
 *
 * @throws if the name is unknown, if a file is missing (the message says where it was looked for, its official source, and what
 * to set), or if its content is not what the registry says
 */
export async function loadUea(name: DatasetName, options: LoadUeaOptions = {}): Promise<UeaSet> {
  const entry = lookUp(name);
  requireFiles(entry, ['train', 'test'], options);
  return { train: await loadSplit(entry, 'train', options), test: await loadSplit(entry, 'test', options) };
}

/** Like `loadUea`, but one split only; the other's file may be missing. */
export async function loadUeaSplit(
  name: DatasetName,
  split: Split,
  options: LoadUeaOptions = {},
): Promise<TimeSeriesSet> {
  const entry = lookUp(name);
  if (split !== 'train' && split !== 'test') {
    throw new Error(`loadUeaSplit: split must be 'train' or 'test', got '${split}'`);
  }
  requireFiles(entry, [split], options);
  return loadSplit(entry, split, options);
}

function lookUp(name: string): DatasetEntry {
  if (Object.hasOwn(datasets, name)) return datasets[name as DatasetName];
  throw new Error(`loadUea: no data set is called '${name}'; known are ${Object.keys(datasets).join(', ')}`);
}

function pathOf(entry: DatasetEntry, split: Split, options: LoadUeaOptions): string {
  const file = `${entry.name}_${split.toUpperCase()}.ts`;
  if (entry.bundled) return fileURLToPath(new URL(`../../bundled/${entry.name}/${file}`, import.meta.url));
  return join(options.folder ?? dataFolder(), 'uea', entry.name, file);
}

function requireFiles(entry: DatasetEntry, splits: Split[], options: LoadUeaOptions): void {
  const missing = splits.map((split) => pathOf(entry, split, options)).filter((path) => !existsSync(path));
  if (missing.length === 0) return;
  if (entry.bundled) {
    throw new Error(
      `loadUea: ${missing.join(' and ')}, part of this package, cannot be found: install @primal-attention/datasets anew`,
    );
  }
  const variable = process.env.PRIMAL_DATA
    ? `PRIMAL_DATA is '${process.env.PRIMAL_DATA}'`
    : 'PRIMAL_DATA is not set';
  throw new Error(
    `loadUea: ${entry.name} is not on this machine: looked for ${missing.join(' and ')}. ` +
      `Unpack ${entry.source} into a folder uea/${entry.name}/ and set PRIMAL_DATA to the folder that holds uea/ (${variable}).`,
  );
}

async function loadSplit(entry: DatasetEntry, split: Split, options: LoadUeaOptions): Promise<TimeSeriesSet> {
  const path = pathOf(entry, split, options);
  const bytes = await readFile(path);
  const facts = entry[split];
  if (facts.sha256 !== undefined && (options.verify ?? 'checksum') === 'checksum') {
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    if (sha256 !== facts.sha256) {
      throw new Error(
        `loadUea: ${path} is not the file that our results were made with: SHA-256 ${sha256}, expected ${facts.sha256}. ` +
          `If it is another copy of the same data, pass { verify: 'facts' }.`,
      );
    }
  }
  const set = parseTs(bytes, { file: path });
  checkFacts(path, set, entry, facts);
  return set;
}

function checkFacts(path: string, set: TimeSeriesSet, entry: DatasetEntry, facts: SplitFacts): void {
  const check = (what: string, got: number | undefined, expected: number): void => {
    if (got === expected) return;
    throw new Error(`loadUea: ${path}: ${what} is ${got}, expected ${expected} for ${entry.name}`);
  };
  check('the number of cases', set.cases.length, facts.cases);
  check('the number of dimensions', set.dimensions, entry.dimensions);
  check('the number of classes', set.classes?.length ?? 0, entry.classes);
  if (facts.lengths) {
    check('the length of the shortest series', set.minLength, facts.lengths[0]);
    check('the length of the longest series', set.maxLength, facts.lengths[1]);
  }
}
