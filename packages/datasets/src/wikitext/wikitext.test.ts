import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dataFolder } from '../data-folder.js';
import { TestFolder } from '../testing/folder.js';
import { contiguousBatches, loadWikitext, textPieces, Vocabulary } from './index.js';

describe('Vocabulary', () => {
  it('has special entries, words by frequency, and a size that is a multiple of 8', () => {
    const counts = new Map([
      ['b', 2],
      ['a', 2],
      ['rare', 1],
      ['the', 9],
      ['<unk>', 5],
      ['\u{10000}', 2],
      ['\uFF5E', 2],
    ]);
    const { entries } = Vocabulary.fromCounts(counts);
    expect(entries).toEqual([
      ...['<s>', '<pad>', '</s>', '<unk>', 'the', 'a', 'b', '\uFF5E'],
      ...['\u{10000}', 'rare', ...Array.from({ length: 6 }, (_, i) => `madeupword000${i}`)],
    ]);
    const small = Vocabulary.fromCounts(counts, { leastCount: 2, multipleOf: 1 });
    expect(small.size).toBe(9);
    expect([small.id('the'), small.id('rare'), small.id('<unk>'), small.id('</s>')]).toEqual([4, 3, 3, 2]);
  });

  it('refuses what is none', () => {
    expect(() => new Vocabulary(['a'])).toThrow("entry 0 must be <s>, got 'a'");
    expect(() => new Vocabulary([])).toThrow('the special entries are missing');
    expect(() => new Vocabulary(['<s>', '<pad>', '</s>', '<unk>', 'a', 'a'])).toThrow(
      "'a' stands at 4 and 5",
    );
    expect(() => Vocabulary.fromCounts(new Map(), { leastCount: 0 })).toThrow('leastCount must be');
  });
});

describe('batches of a text', () => {
  const text = Int32Array.from({ length: 14 }, (_, i) => i);

  it('are pieces with the tokens that follow', () => {
    const { ids, targets } = textPieces(text, 4);
    expect(ids).toEqual({ data: Int32Array.of(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11), shape: [3, 4] });
    expect([...targets.data]).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
  });

  it('go on from batch to batch, row by row', () => {
    const { ids, targets } = contiguousBatches(text, 2, 3);
    expect(ids.shape).toEqual([2, 2, 3]);
    expect([...ids.data]).toEqual([0, 1, 2, 6, 7, 8, 3, 4, 5, 9, 10, 11]);
    expect([...targets.data]).toEqual([1, 2, 3, 7, 8, 9, 4, 5, 6, 10, 11, 12]);
  });

  it('must fit the text', () => {
    expect(() => textPieces(text, 14)).toThrow('length must be a whole number, 1..13 for this text, got 14');
    expect(() => contiguousBatches(text, 3, 5)).toThrow('length must be a whole number, 1..4');
    expect(() => contiguousBatches(text, 0, 5)).toThrow('batchSize must be a whole number');
  });
});

describe('loadWikitext', () => {
  const folder = new TestFolder('wikitext');
  const load = (options: object = {}) =>
    loadWikitext({ set: 'wikitext-2', folder: folder.path, verify: false, multipleOf: 1, ...options });

  it('reads words and ends of lines, and knows train’s words only', async () => {
    await folder.put('wikitext/wikitext-2/wiki.train.tokens', ' \n = A = \n b  b <unk>\tc \r\n');
    await folder.put('wikitext/wikitext-2/wiki.valid.tokens.gz', gzipSync('c d\n'));
    await folder.put('wikitext/wikitext-2/wiki.test.tokens', 'b');
    const { vocabulary, splits } = await load();
    expect(vocabulary.entries.slice(4)).toEqual(['=', 'b', 'A', 'c']);
    expect([...splits.train!]).toEqual([2, 4, 6, 4, 2, 5, 5, 3, 7, 2]);
    expect([...splits.valid!]).toEqual([7, 3, 2]);
    expect([...splits.test!]).toEqual([5, 2]);
    expect(Object.keys((await load({ splits: ['valid'], vocabulary })).splits)).toEqual(['valid']);
  });

  it('says what is wrong, and where', async () => {
    await expect(load()).rejects.toThrow(/wikitext-2 \(train\) is not on this machine.*Salesforce/);
    await expect(load({ splits: ['test'] })).rejects.toThrow('the vocabulary is made from train');
    await expect(load({ set: 'wikitext-3' })).rejects.toThrow(
      "must be wikitext-2 or wikitext-103, got 'wikitext-3'",
    );
    await folder.put('wikitext/wikitext-2/wiki.train.tokens', 'a b\n');
    await expect(load({ splits: ['train'], verify: true })).rejects.toThrow(
      '3 tokens with end marks, expected 2088628',
    );
    await folder.put('wikitext/wikitext-2/wiki.train.tokens', Uint8Array.of(0x61, 0x0a, 0xff, 0x0a));
    await expect(load({ splits: ['train'] })).rejects.toThrow('wiki.train.tokens:2: the line is not UTF-8');
    await folder.put('wikitext/wikitext-2/wiki.train.tokens', '');
    await expect(load({ splits: ['train'] })).rejects.toThrow('wiki.train.tokens: the file is empty');
  });
});

describe.skipIf(!existsSync(join(dataFolder(), 'wikitext', 'wikitext-2')))(
  'WikiText-2 (needs PRIMAL_DATA)',
  () => {
    it('has the published numbers of tokens and of <unk>', async () => {
      const vocabulary = Vocabulary.fromCounts(new Map([['the', 1]]));
      const count = async (form: 'tokens' | 'raw') => {
        // Verifies 217,646 and 245,569 tokens.
        const { splits } = await loadWikitext({
          set: 'wikitext-2',
          splits: ['valid', 'test'],
          vocabulary,
          form,
        });
        return [splits.valid!, splits.test!].map((ids) => ids.filter((id) => id === 2).length);
      };
      expect(await count('tokens')).toEqual([3760, 4358]);
      expect(await count('raw')).toEqual([3760, 4358]);
    });
  },
);
