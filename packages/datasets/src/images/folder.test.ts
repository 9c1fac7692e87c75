import { existsSync } from 'node:fs';
import { mkdir, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dataFolder } from '../data-folder.js';
import { RandomStream } from '../random.js';
import { TestFolder, tarOf } from '../testing/folder.js';
import { loadCifar10 } from './cifar10.js';
import { decodeImage, encodePng } from './decode.js';
import { openImageFolder } from './folder.js';
import type { Image } from './resize.js';
import { crop, flip, randomBox, randomResizedCrop, resizeAndCrop } from './transforms.js';
import { readImages } from './views.js';

const image = (height: number, width: number, channels = 3): Image => ({
  data: Uint8Array.from({ length: height * width * channels }, (_, i) => (i * 7) % 256),
  height,
  width,
  channels,
});

describe('decodeImage', () => {
  it('gives colours or grey values', async () => {
    const color = await encodePng(image(3, 5));
    expect(await decodeImage(color, 'a', 3)).toEqual(image(3, 5));
    const grey = await encodePng(image(3, 5, 1));
    expect(await decodeImage(grey, 'a', 1)).toEqual(image(3, 5, 1));
    const spread = (await decodeImage(grey, 'a', 3)).data;
    expect([...spread.subarray(0, 6)]).toEqual([0, 0, 0, 7, 7, 7]);
  });

  it('names a file that is no whole image', async () => {
    const png = await encodePng(image(30, 50));
    await expect(decodeImage(new Uint8Array(0), 'y.png', 3)).rejects.toThrow(
      'y.png: the file is empty (0 bytes)',
    );
    await expect(decodeImage(png.subarray(0, png.length >> 1), 'y.png', 3)).rejects.toThrow(
      'y.png: no whole image',
    );
    await expect(decodeImage(Buffer.from('<html>'), 'y.png', 3)).rejects.toThrow('y.png: no whole image');
  });
});

describe('openImageFolder', () => {
  const folder = new TestFolder('folder');
  const putImage = async (name: string): Promise<string> => folder.put(name, await encodePng(image(4, 4)));

  it('passes over what is no class and no image, and orders by code units', async () => {
    for (const name of [
      'a/x.PNG',
      'b/1.jpeg',
      'b/0.png',
      '10/q.png',
      '2/deep/z.png',
      '.ipynb_checkpoints/c.png',
      'a/.hidden.png',
    ]) {
      await putImage(name);
    }
    await folder.put('.DS_Store', 'x');
    await folder.put('readme.txt', 'x');
    await folder.put('a/notes.txt', 'x');
    await symlink('..', join(folder.path, 'a', 'up'));
    await symlink('.', join(folder.path, 'loop'));
    await symlink('nowhere', join(folder.path, 'broken'));
    const { classes, images, counts } = await openImageFolder(folder.path);
    expect(classes).toEqual(['10', '2', 'a', 'b']);
    expect(counts).toEqual([1, 1, 1, 2]);
    expect(images.map(({ path, label }) => [path, label])).toEqual([
      ['10/q.png', 0],
      ['2/deep/z.png', 1],
      ['a/x.PNG', 2],
      ['b/0.png', 3],
      ['b/1.jpeg', 3],
    ]);
  });

  it('follows links to classes and images elsewhere', async () => {
    await putImage('all/a/1.png');
    await putImage('all/b/2.png');
    await mkdir(join(folder.path, 'some', 'c'), { recursive: true });
    await symlink(join(folder.path, 'all', 'b'), join(folder.path, 'some', 'b'));
    await symlink(join(folder.path, 'all', 'a', '1.png'), join(folder.path, 'some', 'c', '3.png'));
    const { images } = await openImageFolder(join(folder.path, 'some'));
    expect(images.map(({ path }) => path)).toEqual(['b/2.png', 'c/3.png']);
  });

  it('has the same labels in train and test, or says why not', async () => {
    await putImage('train/a/1.png');
    await putImage('train/b/1.png');
    await putImage('test/b/1.png');
    await mkdir(join(folder.path, 'train', 'c'));
    const train = join(folder.path, 'train');
    await expect(openImageFolder(train)).rejects.toThrow('no image for the classes c (files end in .jpeg');
    const { classes, counts } = await openImageFolder(train, { emptyClasses: 'keep' });
    expect(counts).toEqual([1, 1, 0]);
    const test = await openImageFolder(join(folder.path, 'test'), { classes, emptyClasses: 'keep' });
    expect([test.counts, test.images[0].label]).toEqual([[0, 1, 0], 1]);
    await putImage('test/d/1.png');
    await expect(openImageFolder(join(folder.path, 'test'), { classes })).rejects.toThrow('not expected: d');
    await mkdir(join(folder.path, 'none'));
    await expect(openImageFolder(join(folder.path, 'none'))).rejects.toThrow('there is no class folder');
  });

  it('reads an archive, and names files that are no image', async () => {
    const good = await encodePng(image(6, 9));
    const path = await folder.put(
      'a.tar.gz',
      gzipSync(
        tarOf({ 'test/b/1.png': good, 'test/a/2.png': good, 'test/a/3.png': '', 'train/c/1.png': good }),
      ),
    );
    const opened = await openImageFolder(path, { inside: 'test' });
    expect(opened.classes).toEqual(['a', 'b']);
    const view = { kind: 'test', size: 4, resized: 6 } as const;
    const { images, labels } = await readImages(opened, [0, 2], view);
    expect([images.shape, [...labels.data]]).toEqual([
      [2, 4, 4, 3],
      [0, 1],
    ]);
    await expect(readImages(opened, [0, 1], view)).rejects.toThrow(
      'a.tar.gz: test/a/3.png: the file is empty',
    );
    await expect(readImages(opened, [3], view)).rejects.toThrow('index 3 is not one of 0..2');
  });

  it('gives training views that follow from seed, epoch and image', async () => {
    await putImage('a/1.png');
    await folder.put('a/2.png', await encodePng(image(20, 30)));
    const opened = await openImageFolder(folder.path);
    const view = { kind: 'train', size: 8, seed: 1, epoch: 1 } as const;
    const both = (await readImages(opened, [0, 1], view)).images.data;
    const second = (await readImages(opened, [1], view)).images.data;
    expect(second).toEqual(both.subarray(8 * 8 * 3));
    expect((await readImages(opened, [1], { ...view, epoch: 2 })).images.data).not.toEqual(second);
    expect((await readImages(opened, [1], { ...view, seed: 2 })).images.data).not.toEqual(second);
  });
});

describe('transforms', () => {
  it('crop and flip', () => {
    const small = { data: Uint8Array.of(1, 2, 3, 4, 5, 6), height: 2, width: 3, channels: 1 };
    expect(flip(small).data).toEqual(Uint8Array.of(3, 2, 1, 6, 5, 4));
    expect(crop(small, { top: 1, left: 1, height: 1, width: 2 }).data).toEqual(Uint8Array.of(5, 6));
    expect(() => crop(small, { top: 1, left: 1, height: 1, width: 3 })).toThrow('is not within 2 x 3');
  });

  it('draw boxes of the allowed area and proportions', () => {
    const stream = new RandomStream(1, 'boxes');
    let area = 0;
    for (let i = 0; i < 2000; i++) {
      const box = randomBox({ height: 200, width: 300 }, stream, { scale: [0.1, 0.5] });
      expect(box.top + box.height <= 200 && box.left + box.width <= 300).toBe(true);
      expect(box.width / box.height).toBeGreaterThan(0.73);
      expect(box.width / box.height).toBeLessThan(1.36);
      area += (box.height * box.width) / 60_000 / 2000;
    }
    // Uniform in 0.1 to 0.5, all of which fits: the mean of 2,000 has a standard deviation of 0.0026, and sides are rounded.
    expect(Math.abs(area - 0.3)).toBeLessThan(0.012);
    // Nothing fits into a line of 1 x 100: its middle, as square as allowed.
    expect(randomBox({ height: 1, width: 100 }, stream)).toEqual({ top: 0, left: 49, height: 1, width: 1 });
    expect(() => randomBox({ height: 9, width: 9 }, stream, { scale: [0, 1] })).toThrow(
      'scale must be two numbers',
    );
    expect(randomResizedCrop(image(9, 5), 7, stream)).toMatchObject({ height: 7, width: 7, channels: 3 });
  });

  it('see the middle', () => {
    expect(resizeAndCrop(image(20, 40), 10, 8)).toMatchObject({ height: 8, width: 8 });
    expect(resizeAndCrop(image(40, 20), 20, 20).data).toEqual(
      crop(image(40, 20), { top: 10, left: 0, height: 20, width: 20 }).data,
    );
    expect(() => resizeAndCrop(image(4, 4), 4, 5)).toThrow('a middle of 5 does not fit into 4');
  });
});

const real = join(dataFolder(), 'lra', 'image_cifar10', 'cifar10_test_5000_png.tar.gz');

describe.skipIf(!existsSync(real))('5,000 test images of CIFAR-10 as PNG (need PRIMAL_DATA)', () => {
  it('are records of the binary version, of the same classes', async () => {
    const opened = await openImageFolder(real, { inside: 'test' });
    expect(opened.counts).toEqual(new Array(10).fill(500));
    const indices = Array.from({ length: 5000 }, (_, i) => i);
    const png = await readImages(opened, indices, { kind: 'test', size: 32, resized: 32 });
    const { test } = await loadCifar10();
    const row = (data: ArrayLike<number>, i: number): string =>
      Buffer.from((data as Uint8Array).subarray(i * 3072, (i + 1) * 3072)).toString('latin1');
    const labels = new Map(Array.from(test.labels.data, (label, i) => [row(test.images.data, i), label]));
    const found = indices.filter((i) => labels.get(row(png.images.data, i)) === png.labels.data[i]);
    expect(found).toHaveLength(5000);
  }, 180_000);
});
