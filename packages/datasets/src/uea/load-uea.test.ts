import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataFolder } from '../data-folder.js';
import { loadUea, loadUeaSplit } from './load-uea.js';
import type { TimeSeriesSet } from './parse-ts.js';
import { preprocess } from './preprocess.js';
import { type DatasetName, datasets } from './registry.js';

const perClass = (set: TimeSeriesSet): number[] =>
  set.classes!.map((_, index) => set.labels!.filter((label) => label === index).length);

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'primal-datasets-'));
});
afterEach(() => rm(folder, { recursive: true }));

async function put(name: string, split: 'TRAIN' | 'TEST', text: string): Promise<string> {
  const path = join(folder, 'uea', name, `${name}_${split}.ts`);
  await mkdir(join(folder, 'uea', name), { recursive: true });
  await writeFile(path, text);
  return path;
}

describe('loadUea: the bundled JapaneseVowels', () => {
  it('is what its archive says', async () => {
    const { train, test } = await loadUea('JapaneseVowels');
    expect(train.name).toBe('JapaneseVowels');
    expect([train.cases.length, test.cases.length]).toEqual([270, 370]);
    expect([train.dimensions, test.dimensions]).toEqual([12, 12]);
    expect(train.classes).toEqual(['1', '2', '3', '4', '5', '6', '7', '8', '9']);
    expect(test.classes).toEqual(train.classes);
    expect(perClass(train)).toEqual([30, 30, 30, 30, 30, 30, 30, 30, 30]);
    expect(perClass(test)).toEqual([31, 35, 88, 44, 29, 24, 40, 50, 29]);
    expect([train.minLength, train.maxLength, test.minLength, test.maxLength]).toEqual([7, 26, 7, 29]);
    expect(train.missing + test.missing).toBe(0);
    expect(train.cases[0].values[0]).toBe(1.860936);
  });

  it('needs no data folder', async () => {
    expect((await loadUeaSplit('JapaneseVowels', 'test', { folder })).cases).toHaveLength(370);
  });
});

describe('loadUea: the data folder', () => {
  it('says where it looked, where the set comes from and what to set', async () => {
    const missing = loadUea('UWaveGestureLibrary', { folder });
    await expect(missing).rejects.toThrow('UWaveGestureLibrary is not on this machine');
    await expect(missing).rejects.toThrow(
      join(folder, 'uea', 'UWaveGestureLibrary', 'UWaveGestureLibrary_TRAIN.ts'),
    );
    await expect(missing).rejects.toThrow(
      join(folder, 'uea', 'UWaveGestureLibrary', 'UWaveGestureLibrary_TEST.ts'),
    );
    await expect(missing).rejects.toThrow(
      'https://timeseriesclassification.com/aeon-toolkit/UWaveGestureLibrary.zip',
    );
    await expect(missing).rejects.toThrow('set PRIMAL_DATA to the folder that holds uea/');
  });

  it('names only the file that is missing', async () => {
    await put('Heartbeat', 'TRAIN', '');
    await expect(loadUea('Heartbeat', { folder })).rejects.toThrow(
      /looked for \S+Heartbeat_TEST\.ts\. Unpack/,
    );
  });

  it('names unknown sets and splits', async () => {
    await expect(loadUea('Mnist' as DatasetName)).rejects.toThrow(
      /no data set is called 'Mnist'; known are .*PEMS-SF/,
    );
    await expect(loadUea('toString' as DatasetName)).rejects.toThrow("no data set is called 'toString'");
    await expect(loadUeaSplit('JapaneseVowels', 'valid' as 'test')).rejects.toThrow("got 'valid'");
  });

  it('refuses another file than the one results were made with, unless told otherwise', async () => {
    const text = `@dimensions 3\n@classLabel true ${Array.from({ length: 8 }, (_, i) => i).join(' ')}\n@data\n`;
    const series = Array<string>(315).fill('1').join(',');
    const path = await put(
      'UWaveGestureLibrary',
      'TRAIN',
      text + `${series}:${series}:${series}:0\n`.repeat(120),
    );
    const load = (verify?: 'facts'): Promise<TimeSeriesSet> =>
      loadUeaSplit('UWaveGestureLibrary', 'train', { folder, verify });
    await expect(load()).rejects.toThrow(`${path} is not the file that our results were made with: SHA-256 `);
    expect((await load('facts')).cases).toHaveLength(120);
  });

  it.each([
    ['3', '1 2 3 4', 260, 1751, 'the number of cases is 260, expected 261'],
    ['2', '1 2 3 4', 261, 1751, 'the number of dimensions is 2, expected 3'],
    ['3', '1 2 3 4 5', 261, 1751, 'the number of classes is 5, expected 4'],
    ['3', '1 2 3 4', 261, 1750, 'the length of the shortest series is 1750, expected 1751'],
  ])(
    'refuses %s dimensions, classes %s, %i cases, length %i',
    async (dimensions, classes, cases, length, message) => {
      const series = Array<string>(length).fill('0').join(',');
      const line = `${Array<string>(Number(dimensions)).fill(series).join(':')}:1\n`;
      await put('EthanolConcentration', 'TRAIN', `@classLabel true ${classes}\n@data\n${line.repeat(cases)}`);
      await expect(loadUeaSplit('EthanolConcentration', 'train', { folder })).rejects.toThrow(message);
    },
  );

  it('passes on what is wrong inside a file, with its path', async () => {
    const path = await put('Heartbeat', 'TRAIN', '');
    await expect(loadUeaSplit('Heartbeat', 'train', { folder })).rejects.toThrow(
      `parseTs: ${path}: the file is empty`,
    );
  });
});

describe('dataFolder', () => {
  it('is PRIMAL_DATA, or data under the workspace root', async () => {
    const inner = join(folder, 'packages', 'one');
    await mkdir(join(inner, 'near'), { recursive: true });
    expect(dataFolder({}, inner)).toBe(join(inner, 'data'));
    await writeFile(join(folder, 'pnpm-workspace.yaml'), '');
    expect(dataFolder({}, inner)).toBe(join(folder, 'data'));
    expect(dataFolder({ PRIMAL_DATA: '' }, inner)).toBe(join(folder, 'data'));
    expect(dataFolder({ PRIMAL_DATA: '/somewhere' }, inner)).toBe('/somewhere');
    expect(dataFolder({ PRIMAL_DATA: 'near' }, inner)).toBe(join(inner, 'near'));
    expect(dataFolder({ PRIMAL_DATA: 'far' }, inner)).toBe(join(folder, 'far'));
  });
});

describe('datasets', () => {
  it.each(Object.entries(datasets))('%s has its own name, a source and terms', (name, entry) => {
    expect(entry.name).toBe(name);
    expect(entry.source).toContain(name);
    expect(entry.terms).not.toBe('');
  });
});

// Reference values: pandas 3.1.1, as in preprocess.test.ts.
describe.runIf(process.env.PRIMAL_DATA)('sets in the folder PRIMAL_DATA (only where it is set)', () => {
  it('UWaveGestureLibrary', async () => {
    const { train, test } = await loadUea('UWaveGestureLibrary');
    expect(perClass(train)).toEqual(Array(8).fill(15));
    expect(perClass(test)).toEqual(Array(8).fill(40));
    const prepared = preprocess(train, test);
    expect(prepared.mean[1]).toBeCloseTo(-3.407936507854109e-7, 12);
    expect(prepared.std[2]).toBeCloseTo(0.9984249297127795, 12);
    expect(prepared.train.x[0]).toBeCloseTo(0.3179512012138299, 6);
    expect(prepared.test.x.at(-1)).toBeCloseTo(-0.1386083947365957, 6);
  });

  it('Handwriting', async () => {
    const { train, test } = await loadUea('Handwriting');
    expect(perClass(train).every((count) => count > 0) && perClass(test).every((count) => count > 0)).toBe(
      true,
    );
    const prepared = preprocess(train, test);
    expect(prepared.classes.slice(0, 3)).toEqual(['1.0', '10.0', '11.0']);
    expect([...prepared.train.y].filter((_, index) => index % 30 === 0)).toEqual([13, 6, 20, 2, 22]);
    expect(prepared.std[0]).toBeCloseTo(0.9967272704500512, 12);
    expect(prepared.train.x[0]).toBeCloseTo(0.07447968524396176, 6);
  });
});
