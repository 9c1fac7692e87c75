import { Buffer } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gunzipSync, gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { archiveMembers, readUnpacked } from './archives/index.js';
import { cached } from './cache/index.js';
import { mutate } from './testing/mutate.js';
import { writeTar } from './testing/write-tar.js';
import { writeZip } from './testing/write-zip.js';
import { sampleTarXz } from './testing/xz-sample.js';
import { parseArff } from './uea/parse-arff.js';
import { parseFrames } from './uea/parse-frames.js';
import { parseTs, type TimeSeriesSet } from './uea/parse-ts.js';

/**
 * Damaged copies of real files, some hundreds of each format: a reader either gives data that is whole in itself, or fails with an
 * Error that names the file, and then nothing is kept. TypeError and RangeError are what a reader does by accident.
 */

const seed = 20231;
let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'primal-fuzz-'));
});
afterEach(() => rm(folder, { recursive: true }));

interface Format {
  /** The file is written under this name. */
  file: string;
  kind: 'text' | 'binary';
  mutations: number;
  /** A real file, or the beginning of one that is valid in itself. */
  content: () => Buffer | Promise<Buffer>;
  /** Reads the file and checks what it gives. @returns something to compare, where the format has checksums */
  read: (path: string) => Promise<string | undefined>;
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

const data = process.env.PRIMAL_DATA;
const bundled = (name: string): Buffer =>
  readFileSync(fileURLToPath(new URL(`../bundled/JapaneseVowels/${name}`, import.meta.url)));
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

const formats: Record<string, Format> = {
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
};

/** Formats of which no file is small enough to be in this package. */
const fromDataFolder: Record<string, Format> = {
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
};

async function attack({ file, kind, mutations, content, read, checksummed }: Format): Promise<void> {
  const original = await content();
  const path = join(folder, file);
  await writeFile(path, original);
  const whole = await read(path);
  let refused = 0;
  for (let number = 0; number < mutations; number++) {
    const { how, bytes } = mutate(original, kind, seed, number);
    await writeFile(path, bytes);
    const where = `${how}, mutation ${number}`;
    const recipe = { name: 'fuzz', version: 1, options: { file, number }, sources: [] };
    try {
      const { facts } = await cached(
        recipe,
        async () => ({ splits: {}, facts: { content: (await read(path)) ?? null } }),
        { folder: join(folder, 'processed') },
      );
      if (checksummed) expect(facts.content === whole, where).toBe(true);
      await rm(join(folder, 'processed'), { recursive: true });
    } catch (error) {
      refused++;
      expect((error as Error).constructor.name, `${where}: ${(error as Error).stack}`).toBe('Error');
      expect((error as Error).message, where).toContain(path);
      expect(await readdir(folder), where).toEqual([file]);
    }
  }
  // The mutations are worth something: most of them are noticed.
  expect(refused).toBeGreaterThan(mutations / 4);
}

describe('damaged files', () => {
  it.each(Object.entries(formats))('%s', (_, format) => attack(format));
});

describe.runIf(data)('damaged files of the folder PRIMAL_DATA (only where it is set)', () => {
  it.each(Object.entries(fromDataFolder))('%s', (_, format) => attack(format));
});
