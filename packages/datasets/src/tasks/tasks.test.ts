import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { loadUea, preprocess } from '../index.js';
import { cachedListOps, cachedPathfinder } from './generated.js';
import { cachedRetrieval } from './loaded.js';
import { cachedUea } from './uea.js';
import { cachedWikitext } from './wikitext.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'primal-tasks-'));
});
afterEach(() => rm(folder, { recursive: true }));

const options = () => ({ folder: join(folder, 'processed'), data: folder, say: fail });
const fail = (line: string): never => {
  throw new Error(line);
};

describe('sets through the cache', () => {
  it('UEA: the columns are those of preprocess, made or read', async () => {
    const { train, test } = await loadUea('JapaneseVowels');
    const prepared = preprocess(train, test);
    const made = await cachedUea('JapaneseVowels', {}, options());
    expect(made.train.x).toEqual({ data: prepared.train.x, shape: [270, 26, 12] });
    expect(made.test.labels.data).toEqual(prepared.test.y);
    expect([...made.test.mask.data]).toEqual([...prepared.test.mask]);
    expect([made.dimensions, made.length, made.classes.length, made.truncated]).toEqual([12, 26, 9, 1]);
    expect(await cachedUea('JapaneseVowels', {}, options())).toEqual(made);
  });

  it('ListOps and Pathfinder: one entry a seed, whatever the number of workers', async () => {
    const sizes = { train: 6, dev: 2, test: 2 };
    for (const make of [cachedListOps, cachedPathfinder]) {
      const made = await make({ sizes }, { ...options(), workers: 0 });
      expect(await make({ sizes }, { ...options(), workers: 1 })).toEqual(made);
      expect(await make({ sizes, seed: 1 }, { ...options(), workers: 0 })).not.toEqual(made);
    }
  });

  it('ListOps: with and without closing brackets are two entries, the default and the same said are one', async () => {
    const sizes = { train: 6, dev: 2, test: 2 };
    const at = { ...options(), workers: 0 };
    const kept = await cachedListOps({ sizes }, at);
    expect(await cachedListOps({ sizes, closing: 'kept' }, at)).toEqual(kept);
    const entries = () => readdirSync(join(folder, 'processed', 'listops')).length;
    expect(entries()).toBe(1);
    const dropped = await cachedListOps({ sizes, closing: 'dropped' }, at);
    expect(entries()).toBe(2);
    expect([kept.vocabulary, dropped.vocabulary]).toEqual([16, 15]);
    expect(dropped.train.ids).not.toEqual(kept.train.ids);
    expect(dropped.train.labels).toEqual(kept.train.labels);
  });

  it('is made anew when a file changes, and not kept when a file is bad', async () => {
    const pair = (label: string): string => `${label}\t1\t2\tone text\tanother\n`;
    const put = (split: string, text: string): void => {
      mkdirSync(join(folder, 'lra', 'retrieval'), { recursive: true });
      writeFileSync(join(folder, 'lra', 'retrieval', `new_aan_pairs.${split}.tsv`), text);
    };
    for (const split of ['train', 'eval', 'test']) put(split, pair('1.0'));
    const load = () => cachedRetrieval({ sizes: 'any' }, options());
    expect((await load()).train.labels.data).toEqual(Uint8Array.of(1));
    put('train', pair('0.0') + pair('1.0'));
    expect((await load()).train.labels.data).toEqual(Uint8Array.of(0, 1));
    put('train', pair('7'));
    await expect(load()).rejects.toThrow('new_aan_pairs.train.tsv:1');
    await expect(load()).rejects.toThrow('new_aan_pairs.train.tsv:1');
  });

  it('is taken without its files where they are gone, unless it could be one of two', async () => {
    const place = join(folder, 'lra', 'retrieval');
    const load = () => cachedRetrieval({ sizes: 'any' }, options());
    const put = (label: string): void => {
      mkdirSync(place, { recursive: true });
      for (const split of ['train', 'eval', 'test'])
        writeFileSync(join(place, `new_aan_pairs.${split}.tsv`), `${label}\t1\t2\tone text\tanother\n`);
    };
    put('1.0');
    const made = await load();
    await rm(place, { recursive: true });
    expect(await load()).toEqual(made);
    await expect(cachedRetrieval({}, options())).rejects.toThrow('not on this machine');
    put('0.0');
    await load();
    await rm(place, { recursive: true });
    await expect(load()).rejects.toThrow(/were made from different ones; remove all but one/);
  });

  it('WikiText: ids and vocabulary', async () => {
    mkdirSync(join(folder, 'wikitext', 'wikitext-2'), { recursive: true });
    for (const split of ['train', 'valid', 'test']) {
      writeFileSync(join(folder, 'wikitext', 'wikitext-2', `wiki.${split}.tokens`), ' a b a \n \n c \n');
    }
    const made = await cachedWikitext({ set: 'wikitext-2', verify: false }, options());
    const read = await cachedWikitext({ set: 'wikitext-2', verify: false }, options());
    expect(read).toEqual(made);
    expect([...made.splits.train!].map((id) => made.vocabulary.entries[id])).toEqual([
      ...['a', 'b', 'a', '</s>', '</s>', 'c', '</s>'],
    ]);
  });
});
