import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { dataFolder } from '../data-folder.js';
import type { FoundFile } from '../files.js';
import { knownFiles } from '../sources/known-files.js';
import { fileNames, findForm, formFacts, parseForm, setFolder, type UeaForm, ueaForms } from './forms.js';
import type { TimeSeriesSet } from './parse-ts.js';
import { type DatasetEntry, type DatasetName, datasets, type Split, type SplitFacts } from './registry.js';

/** Options of {@link loadUea}. */
export interface LoadUeaOptions {
  /** Folder that holds `uea/NAME/`. Default: `dataFolder()`. Bundled sets do not use it. */
  folder?: string;
  /**
   * `checksum` (default): the bytes must be those that our results were made with, where the registry knows them.
   * `facts`: another copy will do, as long as counts, dimensions, lengths and classes agree with the registry.
   */
  verify?: 'checksum' | 'facts';
  /** Take this form, whatever else is there. Default: the first complete one of `ts`, `arff`, `original`. */
  form?: UeaForm;
}

/** Both splits of a UEA set, as they are in the files. */
export interface UeaSet {
  train: TimeSeriesSet;
  test: TimeSeriesSet;
  /** What the files were. */
  form: UeaForm;
}

/**
 * Loads train and test of a UEA set: JapaneseVowels from this package, the others from the data folder (`PRIMAL_DATA`).
 *
 * A set may be there as the archive's `.ts` files, as its arff files of one dimension each, or as the donor's text (Arabic
 * digits), each plain, `.gz`, `.xz`, or in the zip as it is downloaded (in `uea/NAME/`, `uea/NAME.zip`, or
 * `uea/Multivariate2018_ts.zip`). Whatever the form, the result is of the same kind, and every split is checked against the registry
 * `datasets`, per form: the UCI Arabic digits are 6,600 and 2,200 series with the labels 0 to 9, UEA's files of them 6,599 and
 * 2,199. Nothing is downloaded: `pnpm primal data get NAME` does that.
 *
 * @throws if the name is unknown, if a file is missing (the message says where it was looked for, its official source, and what
 * to set), or if its content is not what the registry says
 */
export async function loadUea(name: DatasetName, options: LoadUeaOptions = {}): Promise<UeaSet> {
  const entry = lookUp(name);
  const { form, files } = await locate(entry, ['train', 'test'], options);
  const load = (split: Split): Promise<TimeSeriesSet> =>
    loadSplit(entry, form, split, files.get(split)!, options);
  return { train: await load('train'), test: await load('test'), form };
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
  const { form, files } = await locate(entry, [split], options);
  return loadSplit(entry, form, split, files.get(split)!, options);
}

function lookUp(name: string): DatasetEntry {
  if (Object.hasOwn(datasets, name)) return datasets[name as DatasetName];
  throw new Error(`loadUea: no data set is called '${name}'; known are ${Object.keys(datasets).join(', ')}`);
}

async function locate(
  entry: DatasetEntry,
  splits: readonly Split[],
  options: LoadUeaOptions,
): Promise<{ form: UeaForm; files: Map<Split, FoundFile[]> }> {
  const folder = options.folder ?? dataFolder();
  for (const form of options.form ? [options.form] : ueaForms) {
    const files = await findForm(entry, form, splits, folder);
    if (files) return { form, files };
  }
  const own = setFolder(entry, folder);
  const missing = splits
    .flatMap((split) => fileNames(entry, options.form ?? 'ts', split))
    .map((name) => join(own, name))
    .filter((path) => !existsSync(path))
    .join(' and ');
  if (entry.bundled) {
    throw new Error(
      `loadUea: ${missing}, part of this package, cannot be found: install @primal-attention/datasets anew`,
    );
  }
  const variable = process.env.PRIMAL_DATA
    ? `PRIMAL_DATA is '${process.env.PRIMAL_DATA}'`
    : 'PRIMAL_DATA is not set';
  throw new Error(
    `loadUea: ${entry.name} is not on this machine: looked for ${missing}, plain, packed, in a zip or in another form. ` +
      `Get it with 'pnpm primal data get ${entry.name}', or unpack ${entry.source} into a folder uea/${entry.name}/ ` +
      `and set PRIMAL_DATA to the folder that holds uea/ (${variable}).`,
  );
}

async function loadSplit(
  entry: DatasetEntry,
  form: UeaForm,
  split: Split,
  files: readonly FoundFile[],
  options: LoadUeaOptions,
): Promise<TimeSeriesSet> {
  const names = fileNames(entry, form, split);
  const contents: { where: string; bytes: Uint8Array }[] = [];
  for (const [index, file] of files.entries()) {
    const bytes = await file.read();
    const known = knownFiles[`uea/${entry.name}/${names[index]}`];
    if (known && (options.verify ?? 'checksum') === 'checksum') {
      const sha256 = createHash('sha256').update(bytes).digest('hex');
      if (sha256 !== known.sha256) {
        throw new Error(
          `loadUea: ${file.where} is not the file that our results were made with: SHA-256 ${sha256}, expected ${known.sha256}. ` +
            `If it is another copy of the same data, pass { verify: 'facts' }.`,
        );
      }
    }
    contents.push({ where: file.where, bytes });
  }
  const set = parseForm(entry, form, contents);
  const where = files.length === 1 ? files[0].where : `${files[0].where} and ${files.length - 1} more`;
  checkFacts(where, set, entry, formFacts(entry, form, split));
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
  if (set.classes && facts.perClass) {
    const sorted = [...set.classes].sort();
    const counts = new Map(sorted.map((label) => [label, 0]));
    for (const label of set.labels!) counts.set(set.classes[label], counts.get(set.classes[label])! + 1);
    for (const [index, label] of sorted.entries()) {
      check(`the number of cases of class ${label}`, counts.get(label), facts.perClass[index]);
    }
  }
  if (facts.lengths) {
    check('the length of the shortest series', set.minLength, facts.lengths[0]);
    check('the length of the longest series', set.maxLength, facts.lengths[1]);
  }
}
