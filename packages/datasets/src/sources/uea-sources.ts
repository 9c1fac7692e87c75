import { loadUea } from '../uea/load-uea.js';
import { datasets } from '../uea/registry.js';
import { findUea } from './finders.js';
import type { Source } from './registry.js';

/** A guard: the archive states neither sizes nor sums. */
const zipLimit = 2 ** 30;

/** The ten sets of the paper's Table 1. */
export const ueaSources: readonly Source[] = Object.values(datasets).map((entry) => ({
  name: entry.name,
  title: `UEA ${entry.name}`,
  use: 'Table 1',
  terms: entry.terms,
  page: 'https://www.timeseriesclassification.com',
  find: (folder) => findUea(entry, folder),
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
