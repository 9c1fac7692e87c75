import { findParts } from './parts.js';
import type { Source, SourceDownload } from './registry.js';

const release: SourceDownload = {
  url: 'https://storage.googleapis.com/long-range-arena/lra_release.gz',
  place: 'lra_release.gz',
  limit: 2 ** 34,
};
const terms = 'Apache-2.0 (https://github.com/google-research/long-range-arena)';
const page = 'https://github.com/google-research/long-range-arena';
const notYet = async (): Promise<string> => 'not counted';

/** The five tasks of the paper's Table 3. */
export const lraSources: readonly Source[] = [
  {
    name: 'listops',
    title: 'LRA ListOps',
    use: 'Table 3',
    terms,
    page,
    find: findParts([
      { name: 'train', places: ['lra/listops/basic_train.tsv'] },
      { name: 'dev', places: ['lra/listops/basic_val.tsv'] },
      { name: 'test', places: ['lra/listops/basic_test.tsv'] },
    ]),
    downloads: [release],
    count: notYet,
  },
];
