import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dataFolder } from '../../data-folder.js';
import { TestFolder, tarOf } from '../../testing/folder.js';
import { loadText } from './index.js';

const folder = new TestFolder('text');
const reviews = (change: Record<string, string | Uint8Array> = {}) => ({
  'pos/0_10.txt': 'good',
  'neg/0_1.txt': 'bad',
  'pos/1_7.txt': 'fine é',
  'neg/1_4.txt': 'meh',
  ...change,
});
const putAll = async (files: Record<string, string | Uint8Array>): Promise<void> => {
  for (const split of ['train', 'test']) {
    for (const [name, content] of Object.entries(files)) {
      await folder.put(`lra/text_imdb/aclImdb/${split}/${name}`, content);
    }
  }
};
const load = (options: object = {}) =>
  loadText({ folder: folder.path, sizes: 'any', maxBytes: 8, rowLength: 10, ...options });

describe('loadText', () => {
  it('makes rows of bytes + 1, padded with 0; dev is test', async () => {
    await putAll(reviews({ 'pos/2_8.txt': 'a long review' }));
    const set = await load();
    expect(set.train.ids.shape).toEqual([5, 10]);
    const rows = Array.from({ length: 5 }, (_, i) => [...set.train.ids.data.slice(i * 10, i * 10 + 10)]);
    const bytes = (text: string): number[] => [...Buffer.from(text)].map((byte) => byte + 1);
    expect(rows[0]).toEqual([...bytes('bad'), ...new Array(7).fill(0)]);
    expect(rows[3]).toEqual([...bytes('fine é'), 0, 0, 0].slice(0, 10));
    expect(rows[4]).toEqual([...bytes('a long r'), 0, 0]);
    expect([...set.train.labels.data]).toEqual([0, 1, 0, 1, 1]);
    expect(set.dev).toBe(set.test);
    expect(set).toMatchObject({ vocabulary: 257, classes: 2, length: 10, truncated: 2 });
  });

  it('reads the same from folders, the official archive, and one archive a split', async () => {
    await putAll(reviews());
    const expected = await load();
    const members = (split: string) =>
      Object.fromEntries(Object.entries(reviews()).map(([name, text]) => [`aclImdb/${split}/${name}`, text]));
    const rest = { 'aclImdb/train/unsup/0_0.txt': '', 'aclImdb/README': 'x' };
    const official = new TestArchive('aclImdb_v1.tar.gz', {
      ...members('test'),
      ...rest,
      ...members('train'),
    });
    expect(await load({ folder: await official.at(folder) })).toEqual(expected);
    const one = await new TestArchive('aclImdb_train.tar.gz', members('train')).at(folder, 'two');
    await new TestArchive('aclImdb_test.tar.gz', members('test')).at(folder, 'two');
    expect(await load({ folder: one })).toEqual(expected);
  });

  it('can hold out a part of train', async () => {
    await putAll(reviews());
    const set = await load({ dev: { share: 0.25, seed: 1 } });
    expect([set.train, set.dev!, set.test].map((split) => split.labels.shape[0])).toEqual([3, 1, 4]);
    await expect(load({ dev: { share: 1, seed: 1 } })).rejects.toThrow('dev.share must lie between 0 and 1');
  });

  it('says what is wrong, and where', async () => {
    await expect(load()).rejects.toThrow(
      /the IMDb reviews \(train\) is not on this machine.*aclImdb_v1.tar.gz/,
    );
    await putAll(reviews());
    await expect(load({ sizes: 'published' })).rejects.toThrow('2 positive and 2 negative reviews in train');
    await expect(load({ maxBytes: 11 })).rejects.toThrow('a row of 10 cannot hold 11 bytes');
    for (const [name, content, message] of [
      ['pos/7_7.txt', '', 'train/pos/7_7.txt: the review is empty'],
      ['pos/7_7.txt', Uint8Array.of(0xe9, 0x20), '7_7.txt: the review is not UTF-8'],
      ['pos/7_3.txt', 'x', '7_3.txt: a rating of 3 is not pos'],
      ['pos/0_9.txt', 'x', 'a second review pos/0'],
    ] as const) {
      const one = await new TestArchive('aclImdb_train.tar.gz', {
        'train/pos/0_10.txt': 'a',
        'train/neg/0_1.txt': 'b',
        [`train/${name}`]: content,
      }).at(folder, name.replace('/', '') + content.length);
      await expect(load({ folder: one })).rejects.toThrow(message);
    }
    const half = await new TestArchive('aclImdb_train.tar.gz', reviews(), 100).at(folder, 'half');
    await expect(load({ folder: half })).rejects.toThrow(/aclImdb_train.tar.gz: .*truncated/);
    const none = await new TestArchive('aclImdb_train.tar.gz', { 'train/neg/0_1.txt': 'b' }).at(
      folder,
      'none',
    );
    await expect(load({ folder: none })).rejects.toThrow('no positive review in train');
  });
});

class TestArchive {
  constructor(
    private readonly name: string,
    private readonly files: Record<string, string | Uint8Array>,
    private readonly cut = 0,
  ) {}

  async at(into: TestFolder, below = 'archive'): Promise<string> {
    const bytes = gzipSync(tarOf(this.files));
    await into.put(`${below}/lra/text_imdb/${this.name}`, bytes.subarray(0, bytes.length - this.cut));
    return join(into.path, below);
  }
}

const real = existsSync(join(dataFolder(), 'lra', 'text_imdb', 'aclImdb_train.tar.gz'));

describe.skipIf(!real)('the IMDb reviews (need PRIMAL_DATA)', () => {
  it('are 25,000 and 25,000, half of them positive', async () => {
    const set = await loadText();
    expect([set.train.ids.shape, set.test.ids.shape]).toEqual([
      [25_000, 4096],
      [25_000, 4096],
    ]);
    const positive = Array.prototype.reduce.call(
      set.train.labels.data,
      (a, b) => (a as number) + (b as number),
      0,
    );
    expect(positive).toBe(12_500);
    // Review neg/0_3.txt of train.
    const start = Buffer.from(set.train.ids.data.slice(0, 22).map((id) => id - 1)).toString();
    expect(start).toMatchInlineSnapshot(`"Story of a man who has"`);
    expect(set.truncated).toMatchInlineSnapshot(`1510`);
  }, 120_000);
});
