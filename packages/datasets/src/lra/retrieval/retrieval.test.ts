import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { TestFolder } from '../../testing/folder.js';
import { loadRetrieval } from './index.js';

const folder = new TestFolder('retrieval');
const line = (label: string, one: string, two: string): string => `${label}\tP01\tP02\t${one}\t${two}`;
const pairs = [line('1.0', 'abc "quoted', 'de'), line('0.0', 'f', 'a longer text')].join('\n');
const load = (options: object = {}) =>
  loadRetrieval({ folder: folder.path, sizes: 'any', maxBytes: 11, rowLength: 12, ...options });
const putAll = async (train: string | Uint8Array, ending = ''): Promise<void> => {
  for (const split of ['train', 'eval', 'test']) {
    const content = split === 'train' ? train : `${pairs}\n`;
    await folder.put(`lra/retrieval/new_aan_pairs.${split}.tsv${split === 'train' ? ending : ''}`, content);
  }
};

describe('loadRetrieval', () => {
  it('makes two rows of bytes + 1 for each pair', async () => {
    await putAll(pairs);
    const set = await load();
    expect(set.train.ids0.shape).toEqual([2, 12]);
    const text = (ids: ArrayLike<number>, row: number): string =>
      Buffer.from(
        Array.prototype.slice
          .call(ids, row * 12, row * 12 + 12)
          .filter((id) => id > 0)
          .map((id) => id - 1),
      ).toString();
    expect(text(set.train.ids0.data, 0)).toBe('abc "quoted');
    expect(text(set.train.ids1.data, 0)).toBe('de');
    expect(text(set.train.ids1.data, 1)).toBe('a longer te');
    expect([...set.train.labels.data]).toEqual([1, 0]);
    expect(set).toMatchObject({ vocabulary: 257, classes: 2, length: 12, truncated: 3 });
  });

  it('reads CRLF, gzip and the folders of the release', async () => {
    await putAll(pairs);
    const expected = await load();
    await putAll(pairs.replace('\n', '\r\n'));
    expect(await load()).toEqual(expected);
    for (const split of ['train', 'eval', 'test']) {
      await folder.put(`r/lra_release/lra_release/tsv_data/new_aan_pairs.${split}.tsv.gz`, gzipSync(pairs));
    }
    expect(await load({ folder: `${folder.path}/r` })).toEqual(expected);
  });

  it('says what is wrong, and where', async () => {
    await expect(load()).rejects.toThrow(/the AAN pairs \(train\) is not on this machine.*lra_release.gz/);
    await putAll(pairs);
    await expect(load({ sizes: 'published' })).rejects.toThrow('2 pairs, expected 147086');
    for (const [content, message] of [
      ['', 'new_aan_pairs.train.tsv: the file is empty'],
      [`${pairs}\n\n`, 'train.tsv:3: expected 5 fields (label, 2 ids, 2 texts) separated by tabs, got 1'],
      [`${pairs}\n${line('2.0', 'a', 'b')}`, "train.tsv:3: the label must be 0 or 1, got '2.0'"],
      [`${pairs}\n${line('nan', 'a', 'b')}`, "train.tsv:3: the label must be 0 or 1, got 'nan'"],
      [line('1', '', 'b'), 'train.tsv:1: text 1 is empty'],
      [line('1', 'a\tb', 'b'), 'train.tsv:1: expected 5 fields'],
      [Buffer.from(line('1', 'aÿ', 'b'), 'latin1'), 'train.tsv:1: byte 2 is 255, which no UTF-8 text has'],
      [Buffer.from(`\uFEFF${pairs}`, 'utf16le'), 'the file is UTF-16'],
    ] as const) {
      await putAll(content);
      await expect(load()).rejects.toThrow(message);
    }
  });
});
