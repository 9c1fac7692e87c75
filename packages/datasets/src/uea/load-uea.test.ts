import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { dataFolder } from '../data-folder.js';
import { writeZip } from '../testing/write-zip.js';
import { type LoadUeaOptions, loadUea, loadUeaSplit } from './load-uea.js';
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
    await expect(loadUea('Heartbeat', { folder })).rejects.toThrow(/looked for \S+Heartbeat_TEST\.ts, plain/);
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
      text + Array.from({ length: 120 }, (_, i) => `${series}:${series}:${series}:${i % 8}\n`).join(''),
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

describe('loadUea: other forms', () => {
  const line = (label: string): string => `${Array(315).fill('1').join(',')}`.concat(label);
  const ts = (cases: number): string => {
    const series = line('');
    return `@dimensions 3\n@classLabel true 1 2 3 4 5 6 7 8\n@data\n${Array.from(
      { length: cases },
      (_, i) => `${series}:${series}:${series}:${(i % 8) + 1}\n`,
    ).join('')}`;
  };
  const arff = (cases: number): string => {
    const attributes = Array.from({ length: 315 }, (_, i) => `@attribute t${i} numeric\n`).join('');
    const rows = Array.from({ length: cases }, (_, i) => `${line(`,${(i % 8) + 1}`)}\n`).join('');
    return `@relation x\n${attributes}@attribute c {1,2,3,4,5,6,7,8}\n@data\n${rows}`;
  };
  const options = (): LoadUeaOptions => ({ folder, verify: 'facts' });

  it('reads the zip as it is downloaded, in three places', async () => {
    for (const place of ['UWaveGestureLibrary/x.zip', 'UWaveGestureLibrary.zip', 'Multivariate2018_ts.zip']) {
      await mkdir(join(folder, 'uea', 'UWaveGestureLibrary'), { recursive: true });
      const path = join(folder, 'uea', place);
      await writeFile(
        path,
        await writeZip({
          'Multivariate_ts/Other/Other_TRAIN.ts': 'x',
          'Multivariate_ts/UWaveGestureLibrary/UWaveGestureLibrary_TRAIN.ts': ts(120),
          'Multivariate_ts/UWaveGestureLibrary/UWaveGestureLibrary_TEST.ts': ts(320),
        }),
      );
      const set = await loadUea('UWaveGestureLibrary', options());
      expect([set.form, set.train.cases.length, set.test.cases.length]).toEqual(['ts', 120, 320]);
      await rm(path);
    }
  });

  it('reads arff by dimension, packed, to the same tensors', async () => {
    await put('UWaveGestureLibrary', 'TRAIN', ts(120));
    await put('UWaveGestureLibrary', 'TEST', ts(320));
    const fromTs = await loadUea('UWaveGestureLibrary', options());
    for (const [split, cases] of [
      ['TRAIN', 120],
      ['TEST', 320],
    ] as const) {
      for (let k = 1; k <= 3; k++) {
        const name = `UWaveGestureLibraryDimension${k}_${split}.arff.gz`;
        await writeFile(join(folder, 'uea', 'UWaveGestureLibrary', name), gzipSync(arff(cases)));
      }
    }
    const fromArff = await loadUea('UWaveGestureLibrary', { ...options(), form: 'arff' });
    expect(fromArff.form).toBe('arff');
    expect(preprocess(fromArff.train, fromArff.test)).toEqual({
      ...preprocess(fromTs.train, fromTs.test),
      name: 'UWaveGestureLibrary',
    });
    await rm(join(folder, 'uea', 'UWaveGestureLibrary', 'UWaveGestureLibraryDimension2_TEST.arff.gz'));
    await expect(loadUea('UWaveGestureLibrary', { ...options(), form: 'arff' })).rejects.toThrow(
      'UWaveGestureLibraryDimension2_TEST.arff',
    );
  });

  it('counts the classes', async () => {
    await put('UWaveGestureLibrary', 'TRAIN', ts(120).replace(/:8\n/, ':7\n'));
    await expect(loadUeaSplit('UWaveGestureLibrary', 'train', options())).rejects.toThrow(
      'the number of cases of class 7 is 16, expected 15',
    );
  });

  it('knows how many utterances UCI gave', async () => {
    await mkdir(join(folder, 'uea', 'SpokenArabicDigits'), { recursive: true });
    const frame = Array(13).fill('1.5').join(' ');
    const path = join(folder, 'uea', 'SpokenArabicDigits', 'Train_Arabic_Digit.txt');
    await writeFile(path, `            \n${frame}\n`.repeat(6590));
    await expect(loadUeaSplit('SpokenArabicDigits', 'train', options())).rejects.toThrow(
      `${path}: the number of cases is 6590, expected 6600`,
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

  it('SelfRegulationSCP1, from arff: dimension k is dimension 1 shifted by 6(k - 1), as the archive has it', async () => {
    const { train, test, form } = await loadUea('SelfRegulationSCP1');
    expect(form).toBe('arff');
    expect(train.classes).toEqual(['negativity', 'positivity']);
    expect([train.dimensions, test.dimensions, train.missing + test.missing]).toEqual([6, 6, 0]);
    for (const { values, length } of [train.cases[0], test.cases[292]]) {
      for (let k = 1; k < 6; k++) {
        const shifted = values.subarray(k * length, k * length + length - 6 * k);
        expect(shifted).toEqual(values.subarray(6 * k, length));
      }
    }
    expect([...train.cases[0].values.subarray(0, 3)]).toEqual([23, 21.66, 20.84]);
    expect(train.classes![train.labels![0]]).toBe('negativity');
  });

  it('SpokenArabicDigits, from UCI’s text', async () => {
    const { train, test, form } = await loadUea('SpokenArabicDigits');
    expect(form).toBe('original');
    expect([train.cases.length, test.cases.length]).toEqual([6600, 2200]);
    const frames = (set: TimeSeriesSet): number => set.cases.reduce((sum, one) => sum + one.length, 0);
    expect([frames(train), frames(test)]).toEqual([263_256, 87_063]);
    expect([train.cases[0].values[0], train.labels![659], train.labels![660]]).toEqual([-0.81101, 0, 1]);
    const prepared = preprocess(train, test);
    expect([prepared.length, prepared.dimensions, prepared.classes.length]).toEqual([93, 13, 10]);
  });
});
