import { basename } from 'node:path';
import type { Splits } from '../arrays.js';
import { processedFolder } from '../cache/index.js';
import { loadCifar10 } from '../images/cifar10.js';
import { loadListOps, readListOps } from '../lra/listops/index.js';
import { loadPathfinder } from '../lra/pathfinder/index.js';
import { loadRetrieval } from '../lra/retrieval/index.js';
import { loadText } from '../lra/text/index.js';
import { cachedListOps, cachedPathfinder, defaultSeed, isGenerated } from '../tasks/generated.js';
import { finders } from './finders.js';
import { knownFiles } from './known-files.js';
import type { Finder } from './presence.js';
import type { Source, SourceDownload } from './registry.js';
import { sizesOf } from './sizes.js';

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

const page = 'https://github.com/google-research/long-range-arena';
const lraTerms = `Apache-2.0 (${page})`;

function spinn(set: 'd20s' | 'd20a', commit: string): SourceDownload {
  const place = `lra/listops/listops_test_${set}.tsv`;
  return {
    url: `https://raw.githubusercontent.com/nyu-mll/spinn/${commit}/python/spinn/data/listops/test_${set}.tsv`,
    place,
    limit: 1e7,
    bytes: knownFiles[place].bytes,
    checksum: { algorithm: 'sha256', value: knownFiles[place].sha256, from: 'our copy of that commit' },
  };
}

/** Also a generated set in the cache makes it whole. */
function orGenerated(find: Finder, isGenerated: () => Promise<boolean>): Finder {
  return async (folder) => {
    const official = await find(folder);
    if (official.missing.length === 0 || !(await isGenerated())) return official;
    return { files: [], missing: [], form: 'generated' };
  };
}

async function generate(
  name: string,
  what: string,
  make: () => Promise<Splits>,
  say: (line: string) => void,
): Promise<string> {
  const folder = processedFolder();
  if (folder === undefined) {
    throw new Error(`${name} is generated into the folder of processed data, but PRIMAL_PROCESSED is off`);
  }
  say(`generating ${what} with seed ${defaultSeed}: some minutes at most`);
  return `${name}: ${sizesOf(await make())} (train / dev / test) in ${folder}`;
}

/** The five tasks of the paper's Table 3. */
export const lraSources: readonly Source[] = [
  {
    name: 'listops',
    title: 'LRA ListOps',
    use: 'Table 3',
    terms: lraTerms,
    page,
    find: orGenerated(finders.listops, () => isGenerated('listops')),
    downloads: [],
    byHand: "'pnpm primal data get lra-release' has the official files",
    count: async (folder) => {
      const official = (await finders.listops(folder)).missing.length === 0;
      const set = await (official ? loadListOps({ folder }) : cachedListOps());
      return `${sizesOf(set)} expressions, ${set.classes} classes`;
    },
    generate: (say) => generate('listops', '100,000 expressions', cachedListOps, say),
  },
  {
    name: 'listops-original',
    title: 'ListOps, the original test sets',
    use: "the generator's check",
    terms: 'Permissive licence of New York University; Nangia and Bowman 2018.',
    page: 'https://github.com/nyu-mll/spinn',
    find: finders['listops-original'],
    downloads: [
      spinn('d20s', 'b6e34d2eb68cd03838e17218910757ea6f862eba'),
      spinn('d20a', '8556fc6d1eac4a1e690a498e271a58acef19c1a1'),
    ],
    count: async (folder) => {
      const { files } = await finders['listops-original'](folder);
      const counts = [];
      // Every label is compared with the value of its expression.
      for (const { path } of files) counts.push((await readListOps(path)).length.toLocaleString('en'));
      return `${counts.join(' + ')} expressions`;
    },
  },
  {
    name: 'text',
    title: 'LRA Text: IMDb reviews',
    use: 'Table 3',
    terms: 'No licence stated; free for research, to be cited (Maas et al. 2011).',
    page: 'https://ai.stanford.edu/~amaas/data/sentiment/',
    find: finders.text,
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
    count: async (folder) => {
      const set = await loadText({ folder });
      return `${sizesOf(set)} reviews (dev is test), ${set.classes} classes, ${set.truncated} cut`;
    },
  },
  {
    name: 'retrieval',
    title: 'LRA Retrieval: ACL Anthology Network',
    use: 'Table 3',
    terms: `${lraTerms}; the papers are the ACL Anthology Network's (Radev et al. 2013), to be cited.`,
    page,
    find: finders.retrieval,
    downloads: [release('lra/retrieval', /^tsv_data\/new_aan_pairs\.\w+\.tsv$/, (path) => basename(path))],
    count: async (folder) => `${sizesOf(await loadRetrieval({ folder }))} pairs`,
  },
  {
    name: 'image',
    title: 'LRA Image, and CIFAR-10 in colour',
    use: 'Table 3',
    terms: 'No licence stated; to be cited (Krizhevsky 2009).',
    page: 'https://www.cs.toronto.edu/~kriz/cifar.html',
    find: finders.image,
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
    count: async (folder) => {
      const set = await loadCifar10({ folder });
      return `${sizesOf(set)} images, ${set.classes.length} classes`;
    },
  },
  {
    name: 'pathfinder',
    title: 'LRA Pathfinder, 32 x 32, hard',
    use: 'Table 3',
    terms: `${lraTerms}; stimuli of Linsley et al. 2018, to be cited.`,
    page,
    find: orGenerated(finders.pathfinder, () => isGenerated('pathfinder')),
    downloads: [],
    byHand: "'pnpm primal data get lra-release' has the official files",
    count: async (folder) => {
      const official = (await finders.pathfinder(folder)).missing.length === 0;
      const set = await (official ? loadPathfinder({ folder }) : cachedPathfinder());
      return `${sizesOf(set)} images, ${set.classes} classes`;
    },
    generate: (say) => generate('pathfinder', '200,000 images', cachedPathfinder, say),
  },
  {
    name: 'lra-release',
    title: "LRA's own files of ListOps, Retrieval and Pathfinder",
    use: 'Table 3',
    terms: lraTerms,
    page,
    find: finders['lra-release'],
    downloads: [
      release(
        'lra_release',
        /^(?:listops-1000\/basic_\w+\.tsv|tsv_data\/new_aan_pairs\.\w+\.tsv|pathfinder32\/curv_contour_length_14\/.*)$/,
      ),
    ],
    count: async (folder) => {
      const listOps = await loadListOps({ folder });
      const pairs = await loadRetrieval({ folder });
      const images = await loadPathfinder({ folder });
      return `${sizesOf(listOps)} expressions; ${sizesOf(pairs)} pairs; ${sizesOf(images)} images`;
    },
  },
];
