import { basename, join, relative } from 'node:path';
import { fileNames, findForm, ueaForms } from '../uea/forms.js';
import { loadUea } from '../uea/load-uea.js';
import { type DatasetEntry, datasets } from '../uea/registry.js';
import type { Presence, PresentFile, Source } from './registry.js';

/** A guard: the archive states neither sizes nor sums. */
const zipLimit = 2 ** 30;

/** The ten sets of the paper's Table 1. */
export const ueaSources: readonly Source[] = Object.values(datasets).map((entry) => ({
  name: entry.name,
  title: `UEA ${entry.name}`,
  use: 'Table 1',
  terms: entry.terms,
  page: 'https://www.timeseriesclassification.com',
  find: (folder) => find(entry, folder),
  downloads: entry.bundled
    ? []
    : [
        {
          url: entry.source,
          place: `uea/${entry.name}/${entry.name}.zip`,
          limit: zipLimit,
          hosts: ['www.timeseriesclassification.com'],
        },
      ],
  byHand: entry.bundled ? 'it is part of this package' : undefined,
  count: async (folder) => {
    const { train, test } = await loadUea(entry.name, { folder });
    const length =
      train.minLength === train.maxLength ? `${train.maxLength}` : `${train.minLength}-${train.maxLength}`;
    return `${train.cases.length} / ${test.cases.length} series, ${train.dimensions} dims, length ${length}, ${train.classes!.length} classes`;
  },
}));

async function find(entry: DatasetEntry, folder: string): Promise<Presence> {
  for (const form of ueaForms) {
    const found = await findForm(entry, form, ['train', 'test'], folder);
    if (!found) continue;
    const files = new Map<string, PresentFile>();
    for (const { path } of [...found.values()].flat()) {
      const place = entry.bundled ? join('uea', entry.name, basename(path)) : relative(folder, path);
      files.set(path, { path, place });
    }
    return { files: [...files.values()], missing: [], form };
  }
  const names = [...fileNames(entry, 'ts', 'train'), ...fileNames(entry, 'ts', 'test')];
  return { files: [], missing: names.map((name) => `uea/${entry.name}/${name}`) };
}
