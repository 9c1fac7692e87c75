import { createHash } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { sendRange, serve } from '../testing/serve.js';
import { writeTar } from '../testing/write-tar.js';
import { examine } from './examine.js';
import { getSource } from './get.js';
import { knownFiles } from './known-files.js';
import { findParts } from './presence.js';
import { type Source, sourceOf, sources } from './registry.js';
import { verifyFile } from './verify.js';

let folder: string;
let mirror: string;
beforeEach(async () => {
  const root = await mkdtemp(join(tmpdir(), 'primal-sources-'));
  folder = join(root, 'data');
  mirror = join(root, 'mirror');
  for (const one of [folder, mirror]) mkdirSync(one);
});
afterEach(() => rm(dirname(folder), { recursive: true }));

function put(root: string, place: string, content: string | Uint8Array): string {
  const path = join(root, place);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
  return path;
}

/** A set of two files, which counts as whole when each says `good`. */
function toy(change: Partial<Source> = {}): Source {
  return {
    name: 'toy',
    title: 'Toy',
    use: 'tests',
    terms: 'none',
    page: 'https://example.org',
    find: findParts([
      { name: 'train', places: ['toy/train.txt', 'toy/all/'] },
      { name: 'test', places: ['toy/test.txt', 'toy/all/'] },
    ]),
    downloads: [],
    count: async (root) => {
      const text = readFileSync(join(root, 'toy', 'test.txt'), 'utf8');
      if (!text.startsWith('good')) throw new Error('test.txt:1: not good');
      return '1 / 1 lines';
    },
    ...change,
  };
}

const sha256 = (content: string | Uint8Array): string => createHash('sha256').update(content).digest('hex');

describe('registry', () => {
  it.each([...sources.values()])(
    '$name says what it is, where it comes from, and under what terms',
    (source) => {
      expect(sourceOf(source.name)).toBe(source);
      for (const text of [source.title, source.use, source.terms]) expect(text).not.toBe('');
      expect(source.page).toMatch(/^https?:\/\//);
      expect(source.downloads.length > 0 || source.byHand || source.generate).toBeTruthy();
      for (const { url, place, limit, checksum } of source.downloads) {
        expect(url).toMatch(/^https:\/\//);
        expect(place).not.toMatch(/^\/|\.\./);
        expect(limit).toBeGreaterThan(0);
        if (checksum) {
          expect(checksum.value).toMatch(/^[0-9a-f]+$/);
          expect(checksum.value.length).toBe({ md5: 32, sha1: 40, sha256: 64 }[checksum.algorithm]);
          expect(checksum.from).not.toBe('');
        }
      }
    },
  );

  it('names the sets that it knows', () => {
    expect(() => sourceOf('imagenet-22k')).toThrow(
      /no data set is called 'imagenet-22k'; known are .*Heartbeat/,
    );
  });
});

describe('getSource', () => {
  const download = (origin: string, content: string) => ({
    url: `${origin}/test.txt`,
    place: 'toy/test.txt',
    limit: 1000,
    checksum: { algorithm: 'sha256', value: sha256(content), from: 'the test' } as const,
  });

  it('downloads what is not there, verifies, and says whose checksum it was', async () => {
    await using server = await serve((request, response) => {
      sendRange(request, response, Buffer.from(request.url === '/test.txt' ? 'good\n' : 'train\n'));
    });
    const source = toy({
      downloads: [
        download(server.origin, 'good\n'),
        { url: `${server.origin}/train.txt`, place: 'toy/train.txt', limit: 1000 },
      ],
    });
    const lines = await getSource(source, { folder });
    expect(lines[0]).toMatch(/test\.txt: 5 bytes, SHA-256 \w+; verified by sha256 \w+ \(the test\)/);
    expect(lines[1]).toMatch(
      /train\.txt: 6 bytes, .*no official checksum is known to us: this one is recorded/,
    );
    expect((await getSource(source, { folder }))[0]).toContain('is there already');
    const finding = await examine(source, { folder });
    expect(finding).toMatchObject({ state: 'ok', counts: '1 / 1 lines' });
    expect(finding.verdicts.map(({ kind }) => kind).sort()).toEqual(['recorded', 'stated']);
    // Trust on first use: another content of the unstated file is noticed later.
    put(folder, 'toy/train.txt', 'other\n');
    expect(await examine(source, { folder })).toMatchObject({
      state: 'damaged',
      fault: expect.stringMatching(/toy\/train\.txt: 6 bytes, SHA-256 \w+, but \w+ when it was fetched on/),
    });
  });

  it('copies from a mirror in the forms that are there, and replaces nothing', async () => {
    put(mirror, 'toy/train.txt.gz', gzipSync('train'));
    const path = put(mirror, 'toy/test.txt', 'good');
    chmodSync(path, 0o444);
    put(folder, 'toy/test.txt', 'mine');
    const lines = await getSource(toy(), { folder, from: mirror });
    expect(lines[0]).toMatch(/train\.txt\.gz: copied, SHA-256 \w+; no checksum is known to us/);
    expect(lines[1]).toContain('was there already');
    expect(readFileSync(join(folder, 'toy', 'test.txt'), 'utf8')).toBe('mine');
    expect(readdirSync(join(folder, 'toy')).sort()).toEqual(['test.txt', 'train.txt.gz']);
  });

  it('copies a folder, and a part where that is all', async () => {
    put(mirror, 'toy/all/a/b.txt', 'x');
    await getSource(toy(), { folder, from: mirror });
    expect(readFileSync(join(folder, 'toy/all/a/b.txt'), 'utf8')).toBe('x');
    expect(existsSync(join(folder, 'toy'))).toBe(true);
    await rm(join(mirror, 'toy'), { recursive: true });
    await rm(join(folder, 'toy'), { recursive: true });
    put(mirror, 'toy/test.txt', 'good');
    expect((await getSource(toy(), { folder, from: mirror }))[1]).toMatch(/does not have: train/);
  });

  it('does not copy what it knows to be wrong, and leaves nothing', async () => {
    put(mirror, 'mnist/t10k-labels-idx1-ubyte.gz', gzipSync('not labels'));
    const source = toy({ find: findParts([{ name: 'labels', places: ['mnist/t10k-labels-idx1-ubyte'] }]) });
    await expect(getSource(source, { folder, from: mirror })).rejects.toThrow(
      /is not copied: .*SHA-256 \w+ when unpacked, expected ff7bcfd4/,
    );
    expect(readdirSync(join(folder, 'mnist'))).toEqual([]);
  });

  it('unpacks what loaders cannot read as it lies there', async () => {
    const archive = gzipSync(
      writeTar([
        { path: 'lra_release/lra_release/tsv_data/new_aan_pairs.train.tsv', content: 'rows' },
        { path: 'lra_release/lra_release/tsv_data/._new_aan_pairs.train.tsv', content: 'rubbish' },
        { path: 'lra_release/lra_release/other/file', content: 'x' },
      ]),
    );
    await using server = await serve((request, response) => sendRange(request, response, archive));
    const { unpack } = sourceOf('retrieval').downloads[0];
    const source = toy({
      downloads: [{ url: server.origin, place: 'lra_release.gz', limit: 10_000, unpack }],
    });
    const lines = await getSource(source, { folder });
    expect(lines[1]).toContain('lra/retrieval: 1 files, unpacked from');
    expect(readFileSync(join(folder, 'lra/retrieval/new_aan_pairs.train.tsv'), 'utf8')).toBe('rows');
    expect(await getSource(source, { folder })).toEqual([
      `${join(folder, 'lra_release.gz')} was there already`,
      `${join(folder, 'lra/retrieval')} was there already`,
    ]);
  });

  it('says what to do where it cannot', async () => {
    await expect(getSource(toy({ byHand: 'sign up first' }), { folder })).rejects.toThrow(
      'toy cannot be downloaded: sign up first. See https://example.org',
    );
    await expect(getSource(toy(), { folder, from: mirror })).rejects.toThrow(
      `toy is not in ${mirror}: looked for train (toy/train.txt or toy/all/)`,
    );
    await expect(getSource(toy(), { folder, from: join(mirror, 'none') })).rejects.toThrow('does not exist');
  });
});

describe('examine', () => {
  it('tells missing, part, ok and damaged apart', async () => {
    expect(await examine(toy(), { folder })).toMatchObject({ state: 'missing', verdicts: [] });
    put(folder, 'toy/train.txt', 'x');
    expect(await examine(toy(), { folder })).toMatchObject({
      state: 'part',
      presence: { missing: ['test (toy/test.txt or toy/all/)'] },
    });
    put(folder, 'toy/test.txt', 'bad');
    expect(await examine(toy(), { folder })).toMatchObject({
      state: 'damaged',
      fault: 'test.txt:1: not good',
    });
    expect(await examine(toy(), { folder, quick: true })).toMatchObject({ state: 'ok', verdicts: [] });
    put(folder, 'toy/test.txt', 'good');
    expect(await examine(toy(), { folder })).toMatchObject({ state: 'ok', counts: '1 / 1 lines' });
  });
});

describe('verifyFile', () => {
  it('compares the content where a known file is packed anew', async () => {
    const name = 'uea/Handwriting/Handwriting_TRAIN.ts';
    expect(knownFiles[name].bytes).toBe(591_601);
    const path = put(folder, `${name}.gz`, gzipSync('something else'));
    const verdict = await verifyFile(toy(), { path, place: `${name}.gz` });
    expect(verdict).toMatchObject({
      kind: 'wrong',
      note: expect.stringContaining('when unpacked, expected c187e22'),
    });
    writeFileSync(path, gzipSync('something else').subarray(0, 20));
    expect((await verifyFile(toy(), { path, place: `${name}.gz` })).note).toContain('truncated or damaged');
  });

  it('names a record that is none', async () => {
    const path = put(folder, 'toy/test.txt', 'x');
    put(folder, 'toy/test.txt.source.json', '{');
    await expect(verifyFile(toy(), { path, place: 'toy/test.txt' })).rejects.toThrow(
      'is no record of a fetched file',
    );
  });
});

describe.runIf(process.env.PRIMAL_DATA)('the folder PRIMAL_DATA (only where it is set)', () => {
  const mirrored = process.env.PRIMAL_DATA!;

  it('gives a set in its packed form, which is then whole', async () => {
    const source = sourceOf('SelfRegulationSCP1');
    const lines = await getSource(source, { folder, from: mirrored });
    expect(lines).toHaveLength(12);
    expect(lines[0]).toMatch(/arff\.gz: copied, SHA-256 \w+; checksum known/);
    expect(await examine(source, { folder })).toMatchObject({
      state: 'ok',
      counts: '268 / 293 series, 6 dims, length 896, 2 classes',
    });
  });
});
