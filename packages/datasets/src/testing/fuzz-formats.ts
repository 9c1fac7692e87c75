import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import sharp from 'sharp';
import { expect } from 'vitest';
import { archiveMembers, readUnpacked } from '../archives/index.js';
import { countSamples, type Splits } from '../arrays.js';
import { openImageFolder } from '../images/folder.js';
import { loadMnist } from '../images/mnist.js';
import { readImages } from '../images/views.js';
import { readListOps } from '../lra/listops/index.js';
import { generatePathfinder, loadPathfinder } from '../lra/pathfinder/index.js';
import { loadRetrieval } from '../lra/retrieval/index.js';
import { loadText } from '../lra/text/index.js';
import { parseArff } from '../uea/parse-arff.js';
import { parseFrames } from '../uea/parse-frames.js';
import { parseTs, type TimeSeriesSet } from '../uea/parse-ts.js';
import { loadWikitext, Vocabulary } from '../wikitext/index.js';
import { writeTar } from './write-tar.js';
import { writeZip } from './write-zip.js';
import { sampleTarXz } from './xz-sample.js';

/** A file format for the fuzz test. */
export interface Format {
  /** The file is written under this name. */
  file: string;
  /** What an error names; default: the file. */
  named?: string;
  /** Other files that it needs, whole. */
  beside?: () => Record<string, Buffer> | Promise<Record<string, Buffer>>;
  kind: 'text' | 'binary';
  mutations: number;
  /** A real file, or the beginning of one that is valid in itself. */
  content: () => Buffer | Promise<Buffer>;
  /** Reads the file and checks what it gives. @returns something to compare, where the format has checksums */
  read: (path: string, folder: string) => Promise<string | undefined>;
  /** Damage must be noticed: what is read is the original or nothing. */
  checksummed?: boolean;
}

function checkSeries(set: TimeSeriesSet): undefined {
  expect(set.cases.length).toBeGreaterThan(0);
  expect(set.labels === null || set.labels.length === set.cases.length).toBe(true);
  for (const label of set.labels ?? []) expect(label >= 0 && label < set.classes!.length).toBe(true);
  let missing = 0;
  for (const { values, length } of set.cases) {
    expect(length).toBeGreaterThan(0);
    expect(values.length).toBe(set.dimensions * length);
    for (const value of values) if (Number.isNaN(value)) missing++;
    expect(values.every((value) => Number.isNaN(value) || Number.isFinite(value))).toBe(true);
  }
  expect(missing).toBe(set.missing);
}

/** Whole in itself: shapes and values agree, ids and labels are in their range. */
function checkSet({ train, dev, test }: Splits, ranges: Readonly<Record<string, number>>): undefined {
  for (const columns of [train, test, ...(dev ? [dev] : [])]) {
    expect(countSamples(columns, 'fuzz')).toBeGreaterThan(0);
    for (const [name, below] of Object.entries(ranges)) {
      expect(columns[name].data.every((value) => value >= 0 && value < below)).toBe(true);
    }
  }
}

const bundled = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`../../bundled/JapaneseVowels/${name}`, import.meta.url)));
const firstLines = (bytes: Buffer, count: number): Buffer =>
  Buffer.from(`${bytes.toString('latin1').split('\n').slice(0, count).join('\n')}\n`, 'latin1');

/** Small members of a real file, packed. */
const members = (): Record<string, Buffer> => ({
  'a/train.ts': firstLines(bundled('JapaneseVowels_TRAIN.ts'), 40),
  'a/test.ts': firstLines(bundled('JapaneseVowels_TEST.ts'), 40),
  'empty.txt': Buffer.alloc(0),
});
const tarOfMembers = (): Buffer =>
  writeTar(Object.entries(members()).map(([path, content]) => ({ path, content })));
async function readMembers(path: string): Promise<string> {
  const found: string[] = [];
  for await (const member of archiveMembers(path)) found.push(member.path, String(await member.bytes()));
  return found.join('\0');
}

const data = process.env.PRIMAL_DATA;

/** A line of LRA's Retrieval: no real file is small, but reviews are texts as papers are. */
const pairs = (count: number): Buffer => {
  const text = bundled('JapaneseVowels_TEST.ts')
    .toString('latin1')
    .split('\n')
    .slice(20, 24)
    .join(' ')
    .slice(0, 900);
  const line = (i: number): string => `${i % 2}.0\t${i}\t${i + 1}\t${text.slice(i)}\t${text.slice(2 * i)}\n`;
  return Buffer.from(Array.from({ length: count }, (_, i) => line(i)).join(''));
};

const pathfinderFolder = 'lra/pathfinder32/curv_contour_length_14';

/** A Pathfinder folder of `count` generated images. */
async function pathfinder(count: number): Promise<Record<string, Buffer>> {
  const { train } = await generatePathfinder({
    seed: 1,
    sizes: { train: count, dev: 0, test: 0 },
    workers: 0,
  });
  const files: Record<string, Buffer> = {};
  const lines: string[] = [];
  for (let i = 0; i < count; i++) {
    const pixels = train.ids.data.subarray(1024 * i, 1024 * (i + 1)) as Uint8Array;
    const png = sharp(pixels, { raw: { width: 32, height: 32, channels: 1 } }).png();
    files[`${pathfinderFolder}/imgs/0/sample_${i}.png`] = await png.toBuffer();
    lines.push(`imgs/0 sample_${i}.png ${i} ${train.labels.data[i]} 1.0 2 3 0.5 5 6 7`);
  }
  files[`${pathfinderFolder}/metadata/0.npy`] = Buffer.from(`${lines.join('\n')}\n`);
  return files;
}

// A folder of fewer images is a folder too: the loader cannot tell how many there were.
const readPathfinder = async (_: string, folder: string): Promise<undefined> => {
  const { train, dev, test } = await loadPathfinder({ folder });
  for (const { ids, labels } of [train, dev!, test]) {
    expect(ids.shape).toEqual([labels.shape[0], 1024]);
    expect(labels.data.every((label) => label === 0 || label === 1)).toBe(true);
  }
};

/** Formats of which a real file, or one made of a real file, is here. */
export const bundledFormats: Record<string, Format> = {
  ts: {
    file: 'x.ts',
    kind: 'text',
    mutations: 200,
    content: () => firstLines(bundled('JapaneseVowels_TRAIN.ts'), 60),
    read: async (path) => checkSeries(parseTs(readFileSync(path), { file: path })),
  },
  gzip: {
    file: 'x.gz',
    kind: 'binary',
    mutations: 150,
    content: () => gzipSync(firstLines(bundled('JapaneseVowels_TRAIN.ts'), 60)),
    read: async (path) => String(await readUnpacked(path)),
    checksummed: true,
  },
  tar: { file: 'x.tar', kind: 'binary', mutations: 150, content: tarOfMembers, read: readMembers },
  'tar.gz': {
    file: 'x.tar.gz',
    kind: 'binary',
    mutations: 150,
    content: () => gzipSync(tarOfMembers()),
    read: readMembers,
    checksummed: true,
  },
  'tar.xz': {
    file: 'x.tar.xz',
    kind: 'binary',
    mutations: 150,
    content: () => sampleTarXz,
    read: readMembers,
    checksummed: true,
  },
  zip: {
    file: 'x.zip',
    kind: 'binary',
    mutations: 150,
    content: () => writeZip(members()),
    read: readMembers,
  },
  'retrieval tsv': {
    file: 'lra/retrieval/new_aan_pairs.train.tsv',
    beside: () => ({
      'lra/retrieval/new_aan_pairs.eval.tsv': pairs(4),
      'lra/retrieval/new_aan_pairs.test.tsv': pairs(4),
    }),
    kind: 'text',
    mutations: 100,
    content: () => pairs(20),
    read: async (_, folder) =>
      checkSet(await loadRetrieval({ folder, sizes: 'any' }), { ids0: 257, labels: 2 }),
  },
  'pathfinder metadata': {
    file: `${pathfinderFolder}/metadata/0.npy`,
    beside: () => pathfinder(20),
    kind: 'text',
    mutations: 100,
    content: async () => (await pathfinder(20))[`${pathfinderFolder}/metadata/0.npy`],
    // The message names the image where the metadata name one that is not there.
    named: pathfinderFolder,
    read: readPathfinder,
  },
  'pathfinder image': {
    file: `${pathfinderFolder}/imgs/0/sample_3.png`,
    beside: () => pathfinder(20),
    kind: 'binary',
    mutations: 100,
    content: async () => (await pathfinder(20))[`${pathfinderFolder}/imgs/0/sample_3.png`],
    read: readPathfinder,
  },
};

const real = (path: string): Buffer => {
  const bytes = readFileSync(join(data!, path));
  return path.endsWith('.gz') ? gunzipSync(bytes) : bytes;
};

/** The first `count` items of an IDX file, with the header changed to say so. */
function firstItems(path: string, count: number, itemBytes: number, header: number): Buffer {
  const bytes = Buffer.from(real(path).subarray(0, header + count * itemBytes));
  bytes.writeUInt32BE(count, 4);
  return bytes;
}

const idx = (prefix: string, count: number): Record<string, Buffer> => ({
  [`mnist/${prefix}-images-idx3-ubyte`]: firstItems('mnist/t10k-images-idx3-ubyte.gz', count, 784, 16),
  [`mnist/${prefix}-labels-idx1-ubyte`]: firstItems('mnist/t10k-labels-idx1-ubyte.gz', count, 1, 8),
});

let reviews: Buffer;

/** Formats of which no file is small enough to be in this package. */
export const dataFormats: Record<string, Format> = {
  arff: {
    file: 'x.arff',
    kind: 'text',
    mutations: 100,
    content: () =>
      firstLines(
        gunzipSync(
          readFileSync(join(data!, 'uea/SelfRegulationSCP1/SelfRegulationSCP1Dimension1_TRAIN.arff.gz')),
        ),
        920,
      ),
    read: async (path) => checkSeries(parseArff(readFileSync(path), { file: path })),
  },
  frames: {
    file: 'x.txt',
    kind: 'text',
    mutations: 100,
    content: () => {
      const text = gunzipSync(
        readFileSync(join(data!, 'uea/SpokenArabicDigits/Test_Arabic_Digit.txt.gz')),
      ).toString();
      const utterances = text.split(/\n\s*\n/).slice(0, 20);
      return Buffer.from(`${utterances.join('\n\n')}\n`);
    },
    read: async (path) => {
      const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
      return checkSeries(parseFrames(readFileSync(path), { name: 'S', dimensions: 13, classes, file: path }));
    },
  },
  'listops tsv': {
    file: 'x.tsv',
    kind: 'text',
    mutations: 150,
    content: () => firstLines(real('lra/listops/listops_test_d20s.tsv.gz'), 60),
    read: async (path) => {
      for (const { ids, value } of await readListOps(path)) {
        expect(ids.length).toBeGreaterThan(0);
        expect(value >= 0 && value <= 9).toBe(true);
      }
      return undefined;
    },
  },
  'wikitext in gzip': {
    file: 'wikitext/wikitext-2/wiki.train.tokens.gz',
    kind: 'binary',
    mutations: 100,
    content: () => gzipSync(firstLines(real('wikitext/wikitext-2/wiki.valid.tokens.gz'), 60)),
    read: async (_, folder) => {
      const { splits } = await loadWikitext({ set: 'wikitext-2', folder, splits: ['train'], verify: false });
      return splits.train!.join(' ');
    },
    checksummed: true,
  },
  'idx images': {
    file: 'mnist/train-images-idx3-ubyte',
    beside: () => ({
      'mnist/train-labels-idx1-ubyte': idx('x', 20)['mnist/x-labels-idx1-ubyte'],
      ...idx('t10k', 5),
    }),
    kind: 'binary',
    mutations: 100,
    content: () => idx('x', 20)['mnist/x-images-idx3-ubyte'],
    read: async (_, folder) =>
      checkSet(await loadMnist({ folder, sizes: 'any' }), { images: 256, labels: 10 }),
  },
  'idx labels': {
    file: 'mnist/train-labels-idx1-ubyte',
    beside: () => ({
      'mnist/train-images-idx3-ubyte': idx('x', 20)['mnist/x-images-idx3-ubyte'],
      ...idx('t10k', 5),
    }),
    kind: 'binary',
    mutations: 100,
    content: () => idx('x', 20)['mnist/x-labels-idx1-ubyte'],
    read: async (_, folder) =>
      checkSet(await loadMnist({ folder, sizes: 'any' }), { images: 256, labels: 10 }),
  },
  'reviews in a tar': {
    file: 'lra/text_imdb/aclImdb_train.tar',
    beside: () => ({ 'lra/text_imdb/aclImdb_test.tar': reviews }),
    kind: 'binary',
    mutations: 100,
    content: async () => {
      const files: { path: string; content: Buffer }[] = [];
      for await (const member of archiveMembers(join(data!, 'lra/text_imdb/aclImdb_train.tar.gz'))) {
        files.push({ path: member.path, content: await member.bytes() });
        if (files.length === 12) break;
      }
      const renamed = files.map(({ path, content }) => ({
        path: path.replace('/train/', '/test/'),
        content,
      }));
      reviews = writeTar(renamed);
      return writeTar(files);
    },
    read: async (_, folder) => checkSet(await loadText({ folder, sizes: 'any' }), { ids: 257, labels: 2 }),
  },
  wikitext: {
    file: 'wikitext/wikitext-2/wiki.valid.tokens',
    kind: 'text',
    mutations: 40,
    content: () => real('wikitext/wikitext-2/wiki.valid.tokens.gz'),
    read: async (_, folder) => {
      const vocabulary = Vocabulary.fromCounts(new Map([['the', 1]]));
      const { splits } = await loadWikitext({ set: 'wikitext-2', splits: ['valid'], vocabulary, folder });
      expect(splits.valid!.every((id) => id >= 0 && id < vocabulary.size)).toBe(true);
      return undefined;
    },
  },
  'images in a tar': {
    file: 'images.tar',
    kind: 'binary',
    mutations: 150,
    content: async () => {
      const files: { path: string; content: Buffer }[] = [];
      for await (const member of archiveMembers(
        join(data!, 'lra/image_cifar10/cifar10_test_5000_png.tar.gz'),
      )) {
        files.push({ path: member.path, content: await member.bytes() });
        if (files.length === 4) break;
      }
      return writeTar(files);
    },
    read: async (path) => {
      const opened = await openImageFolder(path, { inside: 'test' });
      const indices = opened.images.map((_, index) => index);
      const columns = await readImages(opened, indices, { kind: 'test', size: 32, resized: 32 });
      expect(countSamples(columns, 'fuzz')).toBe(opened.images.length);
      return undefined;
    },
  },
};
