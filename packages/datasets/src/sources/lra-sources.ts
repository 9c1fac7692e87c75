import { basename } from 'node:path';
import { findParts } from './parts.js';
import type { Source, SourceDownload } from './registry.js';

/** LRA's archive of all tasks, unpacked as far as `wanted` goes. Google states neither size nor sum, LRA's page says 7.7 GB. */
function release(folder: string, wanted: RegExp, rename = (path: string): string => path): SourceDownload {
  return {
    url: 'https://storage.googleapis.com/long-range-arena/lra_release.gz',
    place: 'lra_release.gz',
    limit: 12e9,
    unpack: {
      folder,
      pick: (path) => {
        // The folder's own name stands before the paths, once or twice.
        const inside = path.replace(/^(?:lra_release\/)+/, '');
        return wanted.test(inside) ? rename(inside) : undefined;
      },
    },
  };
}

const listops = (split: string): string => `listops-1000/basic_${split}.tsv`;
const retrieval = (split: string): string => `tsv_data/new_aan_pairs.${split}.tsv`;
const pathfinder = 'pathfinder32/curv_contour_length_14/';
const page = 'https://github.com/google-research/long-range-arena';
const lraTerms = `Apache-2.0 (${page})`;

/** Where the release lies once it is unpacked: some copies have its folder twice. */
const released = (path: string): string[] => [`lra_release/${path}`, `lra_release/lra_release/${path}`];

/** The five tasks of the paper's Table 3. */
export const lraSources: readonly Source[] = [
  {
    name: 'listops',
    title: 'LRA ListOps',
    use: 'Table 3',
    terms: lraTerms,
    page,
    find: findParts(
      ['train', 'val', 'test'].map((split) => ({
        name: split,
        places: [`lra/listops/basic_${split}.tsv`, ...released(listops(split))],
      })),
    ),
    downloads: [],
    byHand: "'pnpm primal data get lra-release' has the official files",
    count: async () => '',
  },
  {
    name: 'text',
    title: 'LRA Text: IMDb reviews',
    use: 'Table 3',
    terms: 'No licence stated; free for research, to be cited (Maas et al. 2011).',
    page: 'https://ai.stanford.edu/~amaas/data/sentiment/',
    find: findParts(
      ['train', 'test'].map((split) => ({
        name: split,
        places: [
          `lra/text_imdb/aclImdb/${split}/`,
          `lra/text_imdb/aclImdb_${split}.tar`,
          'lra/text_imdb/aclImdb_v1.tar',
        ],
      })),
    ),
    downloads: [
      {
        url: 'https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz',
        place: 'lra/text_imdb/aclImdb_v1.tar.gz',
        limit: 2e8,
        checksum: {
          algorithm: 'md5',
          value: '7c2ac02c03563afcf9b574c7e56c153a',
          from: 'torchtext, not the publisher',
        },
      },
    ],
    count: async () => '',
  },
  {
    name: 'retrieval',
    title: 'LRA Retrieval: ACL Anthology Network',
    use: 'Table 3',
    terms: `${lraTerms}; the papers are the ACL Anthology Network's (Radev et al. 2013), to be cited.`,
    page,
    find: findParts(
      ['train', 'eval', 'test'].map((split) => ({
        name: split,
        places: [`lra/retrieval/new_aan_pairs.${split}.tsv`, ...released(retrieval(split))],
      })),
    ),
    downloads: [release('lra/retrieval', /^tsv_data\/new_aan_pairs\.\w+\.tsv$/, (path) => basename(path))],
    count: async () => '',
  },
  {
    name: 'image',
    title: 'LRA Image, and CIFAR-10 in colour',
    use: 'Table 3',
    terms: 'No licence stated; to be cited (Krizhevsky 2009).',
    page: 'https://www.cs.toronto.edu/~kriz/cifar.html',
    find: findParts([
      {
        name: 'train and test',
        places: ['lra/image_cifar10/cifar-10-batches-bin/', 'lra/image_cifar10/cifar-10-binary.tar'],
      },
    ]),
    downloads: [
      {
        url: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
        place: 'lra/image_cifar10/cifar-10-binary.tar.gz',
        limit: 2e8,
        hosts: ['cave.cs.toronto.edu'],
        checksum: {
          algorithm: 'md5',
          value: 'c32a1d4ab5d03f1284b67883e8d87530',
          from: "the publisher's page",
        },
      },
    ],
    count: async () => '',
  },
  {
    name: 'pathfinder',
    title: 'LRA Pathfinder, 32 x 32, hard',
    use: 'Table 3',
    terms: `${lraTerms}; stimuli of Linsley et al. 2018, to be cited.`,
    page,
    find: findParts([
      {
        name: 'images and labels',
        places: [`lra/${pathfinder}`, ...released(pathfinder)],
      },
    ]),
    downloads: [],
    byHand: "'pnpm primal data get lra-release' has the official files",
    count: async () => '',
  },
  {
    name: 'lra-release',
    title: "LRA's own files of ListOps, Retrieval and Pathfinder",
    use: 'Table 3',
    terms: lraTerms,
    page,
    find: findParts([
      ...['train', 'val', 'test'].map((split) => ({
        name: `ListOps ${split}`,
        places: released(listops(split)),
      })),
      ...['train', 'eval', 'test'].map((split) => ({
        name: `Retrieval ${split}`,
        places: released(retrieval(split)),
      })),
      { name: 'Pathfinder', places: released(pathfinder) },
    ]),
    downloads: [
      release(
        'lra_release',
        /^(?:listops-1000\/basic_\w+\.tsv|tsv_data\/new_aan_pairs\.\w+\.tsv|pathfinder32\/curv_contour_length_14\/.*)$/,
      ),
    ],
    count: async () => '',
  },
];
