import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { encodePng } from '../../images/decode.js';
import { generatePathfinder, loadPathfinder, PathfinderGenerator, pathfinderLevels } from './index.js';
import { drawMarker, Paddles } from './paddles.js';

const sum = (values: ArrayLike<number>): number =>
  Array.prototype.reduce.call(values, (a, b) => (a as number) + (b as number), 0) as number;
const sizes = { train: 300, dev: 0, test: 0 };

describe('paddles', () => {
  it('are those of the published code, but for two orientations', () => {
    const paddles = new Paddles(pathfinderLevels.hard, 1);
    const hash = createHash('sha256');
    for (let degrees = -180; degrees < 180; degrees++) {
      if (Math.abs(degrees) === 120) continue; // There the published code's coordinate is 6.000000000000001, rounded up.
      const { line, area } = paddles.at((degrees * Math.PI) / 180);
      hash.update(line.values).update(area.values);
    }
    // Of the patches that the published code draws (with Pillow 13): line and mask of -180° to 179°, in turn.
    expect(hash.digest('hex')).toBe('b6c029e39ef255f36a897b2458765ebe79e1406d45ed328f42d6ea90e9737101');
  });

  it('have the markers of the published code', () => {
    const marker = drawMarker(pathfinderLevels.hard, { y: 10, x: 7 });
    expect(createHash('sha256').update(marker).digest('hex')).toBe(
      'c3db839617e1d1251e414c873b8aea7438db263b8f29e363ec8e9f152270e9d0',
    );
  });
});

describe('generatePathfinder', () => {
  it('makes the published level: 32 x 32, both labels, splits', async () => {
    const { easy, intermediate, hard } = pathfinderLevels;
    expect([easy, intermediate, hard].map((level) => level.contourLength)).toEqual([6, 9, 14]);
    expect([easy, intermediate, hard].map((level) => level.distractors)).toEqual([10, 6, 5]);
    const set = await generatePathfinder({ seed: 1, sizes: { train: 8, dev: 3, test: 2 } });
    expect([set.train, set.dev!, set.test].map((split) => split.ids.shape)).toEqual([
      [8, 1024],
      [3, 1024],
      [2, 1024],
    ]);
    expect(set).toMatchObject({ vocabulary: 256, classes: 2, length: 1024 });
  });

  it('gives the same bits for a seed, on every machine and for any number of workers', async () => {
    const digest = async (workers: number): Promise<string> => {
      const { train } = await generatePathfinder({ seed: 3, sizes: { ...sizes, train: 450 }, workers });
      return createHash('sha256').update(train.ids.data).update(train.labels.data).digest('hex').slice(0, 16);
    };
    const here = await digest(0);
    expect(await digest(3)).toBe(here);
    expect(here).toMatchInlineSnapshot(`"8dacf6dd137df75d"`);
  }, 120_000);

  it('agrees with images of the published code in brightness, black pixels and balance', async () => {
    const { train } = await generatePathfinder({ seed: 2, sizes });
    const mean = sum(train.ids.data) / train.ids.data.length;
    const black = sum(Array.from(train.ids.data, (value) => Number(value === 0))) / train.ids.data.length;
    // 1,500 images of the published code: mean 20.15, black share 0.6593. Per image these vary by 1.6 and 0.027 (standard
    // deviations), so by 0.1 and 0.0016 in the mean of 300; 5 of them.
    expect(Math.abs(mean - 20.15)).toBeLessThan(0.5);
    expect(Math.abs(black - 0.6593)).toBeLessThan(0.008);
    const ones = sum(train.labels.data);
    expect(Math.abs(ones - 150)).toBeLessThan(4 * 8.7);
    const { train: even } = await generatePathfinder({
      seed: 2,
      sizes: { ...sizes, train: 20 },
      labels: 'alternate',
    });
    expect(sum(even.labels.data)).toBe(10);
  }, 120_000);

  it('can place first paddles in all orientations, and then finds more room for distractors', async () => {
    const brightness = async (seedOrientations: 'published' | 'all'): Promise<number> => {
      const settings = { ...pathfinderLevels.hard, seedOrientations };
      const { train } = await generatePathfinder({ seed: 2, sizes: { ...sizes, train: 60 }, settings });
      return sum(train.ids.data) / train.ids.data.length;
    };
    expect(await brightness('all')).toBeGreaterThan((await brightness('published')) * 1.2);
  }, 120_000);

  it('refuses settings that make no sense', async () => {
    const { hard } = pathfinderLevels;
    expect(() => new PathfinderGenerator({ ...hard, size: 4 })).toThrow(
      'size must be a whole number, 8..1024',
    );
    expect(() => new PathfinderGenerator({ ...hard, paddleThickness: 0.3 })).toThrow(
      'multiplied by antialias (2)',
    );
    expect(() => new PathfinderGenerator({ ...hard, paddleMargins: [] })).toThrow('paddleMargins must be');
    await expect(generatePathfinder({ seed: 1, level: 'mad' as 'hard' })).rejects.toThrow("got 'mad'");
    await expect(generatePathfinder({ seed: 0.5, sizes })).rejects.toThrow('seed must be a whole number');
  });
});

describe('loadPathfinder', () => {
  let folder: string;
  const base = 'lra/pathfinder32/curv_contour_length_14';
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'primal-pathfinder-'));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const put = async (name: string, content: string | Uint8Array): Promise<void> => {
    const path = join(folder, base, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
  };
  const line = (index: number, label: number | string): string =>
    `imgs/0 sample_${index}.png ${index} ${label} 1.0 14 4 2 0.5 1 1\n`;
  const putImages = async (count: number, size = 32): Promise<void> => {
    for (let i = 0; i < count; i++) {
      const data = new Uint8Array(size * size).fill(i);
      await put(`imgs/0/sample_${i}.png`, await encodePng({ data, height: size, width: size, channels: 1 }));
    }
  };

  it('reads the official folders and cuts 80, 10 and 10 %, by a seed', async () => {
    await putImages(20);
    await put('metadata/0.npy', Array.from({ length: 12 }, (_, i) => line(i, i % 2)).join(''));
    await put(
      'metadata/10.npy',
      Array.from({ length: 8 }, (_, i) => line(i + 12, i % 2))
        .join('')
        .trimEnd(),
    );
    const set = await loadPathfinder({ folder });
    expect([set.train, set.dev!, set.test].map((split) => split.labels.shape[0])).toEqual([16, 2, 2]);
    const seen = [set.train, set.dev!, set.test].flatMap(({ ids, labels }) =>
      [...labels.data].map((label, row) => {
        expect(new Set(ids.data.subarray(row * 1024, (row + 1) * 1024)).size).toBe(1);
        expect(label).toBe(ids.data[row * 1024] % 2);
        return ids.data[row * 1024];
      }),
    );
    expect([...seen].sort((a, b) => a - b)).toEqual(Array.from({ length: 20 }, (_, i) => i));
    expect((await loadPathfinder({ folder, seed: 0 })).train).toEqual(set.train);
    expect((await loadPathfinder({ folder, seed: 1 })).train).not.toEqual(set.train);
    expect((await loadPathfinder({ folder, skip: ['imgs/0/sample_3.png'] })).train.ids.shape[0]).toBe(15);
  });

  it('says what is wrong, and where', async () => {
    await expect(loadPathfinder({ folder })).rejects.toThrow(/not on this machine.*lra_release.gz/);
    await putImages(2);
    const rejects = async (metadata: string | Buffer, message: string | RegExp): Promise<void> => {
      await put('metadata/0.npy', metadata);
      await expect(loadPathfinder({ folder })).rejects.toThrow(message);
    };
    await expect(loadPathfinder({ folder })).rejects.toThrow('metadata is missing');
    await rejects('', 'the file names no image');
    await rejects(line(0, 2), "0.npy:1: the label must be 0 or 1, got '2'");
    await rejects(`${line(0, 1)}imgs/0 sample_1.png\n`, '0.npy:2: expected FOLDER FILE NUMBER LABEL');
    await rejects(line(0, 1) + line(0, 1), /0.npy:2: imgs\/0\/sample_0.png was already named in .*0.npy:1/);
    await rejects(line(0, 1).replace('imgs/0', '../..'), 'leaves the folder: refused');
    await rejects(line(7, 1), 'sample_7.png');
    await rejects(Buffer.from('\x93NUMPY', 'latin1'), 'a real NumPy array');
    await put('imgs/0/sample_1.png', new Uint8Array(0));
    await rejects(line(1, 1), 'sample_1.png: the file is empty (0 bytes)');
    await put('imgs/0/sample_1.png', 'no image');
    await rejects(line(1, 1), 'sample_1.png: no whole image');
    await putImages(2, 16);
    await rejects(line(1, 1), 'the image is 16 x 16, expected 32 x 32');
  });
});
