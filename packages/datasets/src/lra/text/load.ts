import { Buffer, isUtf8 } from 'node:buffer';
import { existsSync } from 'node:fs';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { archiveMembers } from '../../archives/index.js';
import { type Columns, column, type Splits, selectSamples } from '../../arrays.js';
import { dataFolder } from '../../data-folder.js';
import { locate } from '../../locate.js';
import { RandomStream } from '../../random.js';
import { type ByteRowOptions, ByteRows, byteVocabulary } from '../byte-rows.js';

/** The Text set. Columns: `ids` [samples, rowLength], uint8, byte + 1 or 0, and `labels` [samples], uint8: 1 positive. */
export interface TextSet extends Splits<'ids' | 'labels'> {
  readonly vocabulary: number;
  readonly classes: number;
  readonly length: number;
  /** Reviews of train and test that were longer than `maxBytes` and were cut. */
  readonly truncated: number;
}

/** Options of {@link loadText}. */
export interface LoadTextOptions extends ByteRowOptions {
  /** Default: `dataFolder()`. */
  folder?: string;
  /**
   * What `dev` is. `test` (default, as published): the test set itself, so that the published model selection has seen it. Or a
   * share of train, cut off by a seed; train is then what remains.
   */
  dev?: 'test' | { share: number; seed: number };
  /** `published` (default): each split must have 12,500 reviews of each class. */
  sizes?: 'published' | 'any';
}

/**
 * Loads LRA's Text task: IMDb reviews (Maas et al. 2011) as bytes, negative (0) or positive (1).
 *
 * Read from `lra/text_imdb/`: the unpacked folder `aclImdb/`, or `aclImdb_train.tar.gz` and `aclImdb_test.tar.gz`, or the official
 * `aclImdb_v1.tar.gz`. The reviews are in the order of their ids, negative before positive, wherever they come from.
 *
 * How ours differs from the published pipeline: that reads the same reviews in the stored order of TensorFlow Datasets; the
 * published `text.py` cuts at 1,000 bytes, but its authors confirm 4,000 for their numbers (mlpen/Nystromformer#13).
 *
 * @throws Error with the file's name for a review that is empty or not UTF-8, an id that occurs twice, a rating that contradicts
 * the folder, a split of another size
 */
export async function loadText(options: LoadTextOptions = {}): Promise<TextSet> {
  const folder = options.folder ?? dataFolder();
  const { dev = 'test' } = options;
  if (dev !== 'test' && !(dev.share > 0 && dev.share < 1)) {
    throw new Error(`loadText: dev.share must lie between 0 and 1, got ${dev.share}`);
  }
  const train = await readSplit('train', folder, options);
  const test = await readSplit('test', folder, options);
  const facts = {
    vocabulary: byteVocabulary,
    classes: 2,
    length: train.length,
    truncated: train.truncated + test.truncated,
  };
  if (dev === 'test') return { ...facts, train: train.columns, dev: test.columns, test: test.columns };
  const samples = train.columns.labels.shape[0];
  const order = new RandomStream(dev.seed, 'text', 'dev').permutation(samples);
  const cut = Math.round(samples * (1 - dev.share));
  return {
    ...facts,
    train: selectSamples(train.columns, order.subarray(0, cut)),
    dev: selectSamples(train.columns, order.subarray(cut)),
    test: test.columns,
  };
}

interface Review {
  id: number;
  label: number;
  text: Buffer;
  where: string;
}

async function readSplit(
  split: 'train' | 'test',
  folder: string,
  options: LoadTextOptions,
): Promise<{ columns: Columns<'ids' | 'labels'>; length: number; truncated: number }> {
  const path = locate(
    {
      caller: 'loadText',
      set: `the IMDb reviews (${split})`,
      source: 'https://ai.stanford.edu/~amaas/data/sentiment/aclImdb_v1.tar.gz',
      places: [
        `lra/text_imdb/aclImdb/${split}`,
        ...[`aclImdb_${split}`, 'aclImdb_v1'].flatMap((name) =>
          ['.tar.gz', '.tar.xz', '.tar'].map((ending) => `lra/text_imdb/${name}${ending}`),
        ),
      ],
    },
    folder,
  );
  const reviews: Review[] = [];
  const seen = new Map<string, string>();
  const take = (name: string, text: Buffer, where: string): void => {
    const parts = /(?:^|\/)(train|test)\/(pos|neg)\/(\d+)_(\d+)\.txt$/.exec(name);
    if (!parts || parts[1] !== split) return;
    const fail = (message: string): never => {
      throw new Error(`loadText: ${where}: ${message}`);
    };
    const [, , sentiment, id, rating] = parts;
    const label = sentiment === 'pos' ? 1 : 0;
    if (
      label === 1
        ? !(Number(rating) >= 7 && Number(rating) <= 10)
        : !(Number(rating) >= 1 && Number(rating) <= 4)
    ) {
      fail(`a rating of ${rating} is not ${sentiment}: pos has 7 to 10, neg 1 to 4`);
    }
    if (text.length === 0) fail('the review is empty');
    if (!isUtf8(text)) fail('the review is not UTF-8');
    const key = `${sentiment}/${Number(id)}`;
    if (seen.has(key)) fail(`a second review ${key}, after ${seen.get(key)}`);
    seen.set(key, where);
    reviews.push({ id: Number(id), label, text, where });
  };
  if ((await stat(path)).isDirectory()) await readFolder(path, split, take);
  else await readArchive(path, split, take);
  const counts = [0, 1].map((label) => reviews.filter((review) => review.label === label).length);
  if ((options.sizes ?? 'published') === 'published' && counts.some((count) => count !== 12_500)) {
    throw new Error(
      `loadText: ${path}: ${counts[1]} positive and ${counts[0]} negative reviews in ${split}, expected 12500 of each; ` +
        "for another set pass { sizes: 'any' }",
    );
  }
  if (counts[0] === 0 || counts[1] === 0) {
    throw new Error(`loadText: ${path}: no ${counts[0] === 0 ? 'negative' : 'positive'} review in ${split}`);
  }
  reviews.sort((a, b) => a.id - b.id || a.label - b.label);
  const rows = new ByteRows(reviews.length, options);
  for (const { text, where } of reviews) {
    rows.add(text, (message) => {
      throw new Error(`loadText: ${where}: ${message}`);
    });
  }
  const columns = {
    ids: column(rows.ids, [reviews.length, rows.rowLength]),
    labels: column(
      Uint8Array.from(reviews, ({ label }) => label),
      [reviews.length],
    ),
  };
  return { columns, length: rows.rowLength, truncated: rows.truncated };
}

type Take = (name: string, text: Buffer, where: string) => void;

async function readFolder(folder: string, split: string, take: Take): Promise<void> {
  for (const sentiment of ['pos', 'neg']) {
    const below = join(folder, sentiment);
    if (!existsSync(below)) throw new Error(`loadText: ${below} is missing: unpack the whole archive`);
    for (const name of await readdir(below)) {
      const path = join(below, name);
      if (name.endsWith('.txt')) take(`${split}/${sentiment}/${name}`, await readFile(path), path);
    }
  }
}

async function readArchive(path: string, split: string, take: Take): Promise<void> {
  for await (const member of archiveMembers(path)) {
    // Passes over the unlabelled reviews without reading them.
    if (!new RegExp(`(?:^|/)${split}/(?:pos|neg)/[^/]*\\.txt$`).test(member.path)) continue;
    // A copy of its own: the pieces of a stream may share memory.
    take(member.path, Buffer.from(await member.bytes()), member.where);
  }
}
