import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { column } from '../arrays.js';
import { cached, isCached, type ProcessedSet, processedFolder, type Recipe, sourceSum } from './index.js';
import { canonical, recipeKey } from './manifest.js';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'primal-processed-'));
});
afterEach(() => rm(folder, { recursive: true }));

const recipe: Recipe = {
  name: 'toy',
  version: 1,
  options: { length: 4, seed: 7 },
  sources: [{ name: 'a.txt', sha256: 'aa' }],
};

const data = (): ProcessedSet<{ classes: number; labels: string[] }> => ({
  splits: {
    train: {
      ids: column(Uint8Array.of(1, 2, 3, 4, 5, 6), [3, 2]),
      y: column(Int32Array.of(0, -1, 7), [3]),
    },
    test: {
      x: column(Float32Array.of(0.5, Number.NaN), [2, 1]),
      t: column(Uint16Array.of(65535, 0), [2]),
    },
  },
  facts: { classes: 2, labels: ['a', 'ü'] },
});

/** How often it was made. */
function counting(): { make: () => Promise<ReturnType<typeof data>>; times: () => number } {
  let times = 0;
  return {
    make: async () => {
      times++;
      return data();
    },
    times: () => times,
  };
}

const entries = (): string[] =>
  existsSync(join(folder, 'toy')) ? readdirSync(join(folder, 'toy')).sort() : [];

describe('cached', () => {
  it('makes once and reads the same', async () => {
    const { make, times } = counting();
    const first = await cached(recipe, make, { folder });
    expect(isCached(recipe, { folder })).toBe(true);
    const second = await cached(recipe, make, { folder });
    expect(times()).toBe(1);
    expect(first).toEqual(data());
    expect(second).toEqual(data());
    expect(entries()).toEqual([`${recipeKey(recipe)}.safetensors`]);
  });

  it('keeps a split once that is also another', async () => {
    const { splits, facts } = data();
    const aliased = { splits: { ...splits, dev: splits.test }, facts };
    await cached(recipe, async () => aliased, { folder });
    const read = await cached(recipe, () => Promise.reject(new Error('not there')), { folder });
    expect(read).toEqual(aliased);
    expect(read.splits.dev).toBe(read.splits.test);
  });

  it('keeps another entry for other options, sources and versions, not for another order of keys', async () => {
    const { make, times } = counting();
    const others: Recipe[] = [
      recipe,
      { ...recipe, options: { length: 5, seed: 7 } },
      { ...recipe, options: { length: 4 } },
      { ...recipe, version: 2 },
      { ...recipe, sources: [{ name: 'a.txt', sha256: 'bb' }] },
      { ...recipe, sources: [] },
      { ...recipe, name: 'toy2' },
    ];
    for (const one of others) await cached(one, make, { folder });
    expect(times()).toBe(others.length);
    await cached({ ...recipe, options: { seed: 7, none: undefined, length: 4 } }, make, { folder });
    expect(times()).toBe(others.length);
  });

  it('keeps nothing when making fails', async () => {
    const failing = cached(recipe, () => Promise.reject(new Error('line 7 is bad')), { folder });
    await expect(failing).rejects.toThrow('line 7 is bad');
    expect(entries()).toEqual([]);
  });

  it.each([
    ['truncated', (path: string) => truncateSync(path, 200)],
    ['emptied', (path: string) => truncateSync(path, 0)],
    [
      'flipped in the last byte',
      (path: string) => {
        const bytes = readFileSync(path);
        bytes[bytes.length - 1] ^= 1;
        writeFileSync(path, bytes);
      },
    ],
    ['replaced', (path: string) => writeFileSync(path, 'not an entry at all')],
  ])('makes an entry anew that was %s, and says so', async (_, damage) => {
    const { make, times } = counting();
    await cached(recipe, make, { folder });
    const path = join(folder, 'toy', entries()[0]);
    const whole = readFileSync(path);
    damage(path);
    const said: string[] = [];
    expect(await cached(recipe, make, { folder, say: (line) => said.push(line) })).toEqual(data());
    expect(times()).toBe(2);
    expect(said).toEqual([expect.stringContaining(`${path} is damaged`)]);
    expect(readFileSync(path)).toEqual(whole);
  });

  it('does not take an entry of another recipe', async () => {
    const { make, times } = counting();
    const other = { ...recipe, version: 2 };
    await cached(recipe, make, { folder });
    const bytes = readFileSync(join(folder, 'toy', `${recipeKey(recipe)}.safetensors`));
    writeFileSync(join(folder, 'toy', `${recipeKey(other)}.safetensors`), bytes);
    const said: string[] = [];
    await cached(other, make, { folder, say: (line) => said.push(line) });
    expect(times()).toBe(2);
    expect(said[0]).toContain('another recipe');
  });

  it('gives the data where it cannot be kept, and makes it each time where the cache is off', async () => {
    const file = join(folder, 'file');
    writeFileSync(file, '');
    const said: string[] = [];
    const { make, times } = counting();
    expect(await cached(recipe, make, { folder: file, say: (line) => said.push(line) })).toEqual(data());
    expect(said[0]).toContain('toy could not be kept');
    expect(times()).toBe(1);
    expect(processedFolder({ PRIMAL_PROCESSED: 'off' })).toBeUndefined();
    expect(processedFolder({ PRIMAL_PROCESSED: '/x' })).toBe('/x');
    expect(processedFolder({ XDG_CACHE_HOME: '/c' })).toBe('/c/primal-attention/datasets');
  });

  it('has no harm from several writers at once', async () => {
    const { make } = counting();
    const all = await Promise.all(Array.from({ length: 8 }, () => cached(recipe, make, { folder })));
    for (const one of all) expect(one).toEqual(data());
    expect(entries()).toHaveLength(1);
    expect(await cached(recipe, () => Promise.reject(new Error('not there')), { folder })).toEqual(data());
  });

  it('removes what killed writers left, after a day', async () => {
    mkdirSync(join(folder, 'toy'));
    const old = new Date(Date.now() - 48 * 3600 * 1000);
    for (const name of ['old.tmp', 'new.tmp']) writeFileSync(join(folder, 'toy', name), 'x');
    utimesSync(join(folder, 'toy', 'old.tmp'), old, old);
    await cached(recipe, async () => data(), { folder });
    expect(entries().filter((name) => name.endsWith('.tmp'))).toEqual(['new.tmp']);
  });

  it('refuses names, versions and options that it could not find again', async () => {
    const run = (change: Partial<Recipe>) => cached({ ...recipe, ...change }, async () => data(), { folder });
    await expect(run({ name: '../x' })).rejects.toThrow("got '../x'");
    await expect(run({ version: 0 })).rejects.toThrow('whole number from 1 on, got 0');
    await expect(run({ options: { p: Number.NaN } })).rejects.toThrow('NaN cannot stand in options');
    expect(canonical({ b: [1, null], a: 'x' })).toBe('{"a":"x","b":[1,null]}');
  });

  it('leaves nothing that looks finished when a writer is killed', async () => {
    // 64 MiB a write, over and over, so that the signal comes in the middle of one.
    const module = new URL('../../dist/cache/index.js', import.meta.url).href;
    const script = `
      import { cached } from ${JSON.stringify(module)};
      const data = new Int32Array(2 ** 24).fill(7);
      console.log('writing');
      for (let version = 1; ; version++) {
        await cached({ name: 'toy', version, options: null, sources: [] },
          async () => ({ splits: { train: { y: { data, shape: [data.length] } } }, facts: null }), { folder: ${JSON.stringify(folder)} });
      }`;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    const temporary = (): boolean => entries().some((name) => name.endsWith('.tmp'));
    while (!temporary()) await new Promise((resolve) => setTimeout(resolve, 2));
    child.kill('SIGKILL');
    await once(child, 'exit');
    const finished = entries().filter((name) => name.endsWith('.safetensors'));
    for (let version = 1; version <= finished.length; version++) {
      const entry = await cached(
        { name: 'toy', version, options: null, sources: [] },
        () => Promise.reject(new Error('an entry is not whole')),
        { folder },
      );
      expect(entry.splits.train.y.data.length).toBe(2 ** 24);
    }
    const next = { name: 'toy', version: finished.length + 1, options: null, sources: [] };
    expect(isCached(next, { folder })).toBe(false);
  });
});

describe('sourceSum', () => {
  it('follows from the bytes of a file, and from what lies in a folder', async () => {
    const file = join(folder, 'a');
    writeFileSync(file, 'abc');
    expect(await sourceSum(file, 'a')).toEqual({
      name: 'a',
      sha256: 'ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad',
    });
    const before = await sourceSum(folder, 'f');
    expect(await sourceSum(folder, 'f')).toEqual(before);
    writeFileSync(join(folder, 'b'), '');
    expect(await sourceSum(folder, 'f')).not.toEqual(before);
  });
});
