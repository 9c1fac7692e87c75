import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { dataFolder } from '../../data-folder.js';
import { loadCifar10 } from '../../images/cifar10.js';
import { imageTask, loadImage, toGrey } from './index.js';

describe('toGrey', () => {
  it('rounds as TensorFlow does', () => {
    // In float32: 255 (0.2989 + 0.587 + 0.114) / 255 · 255.5 = 255.47; (128, 64, 32): 79.63; (1, 1, 1): 1.0018.
    expect([...toGrey(Uint8Array.of(255, 255, 255, 128, 64, 32, 1, 1, 1, 0, 0, 0))]).toEqual([255, 79, 1, 0]);
    expect([...toGrey(Uint8Array.of(128, 64, 32, 255, 255, 255), 'nearest')]).toEqual([79, 255]);
    expect(toGrey(Uint8Array.of(3, 200, 10))[0]).toBe(
      Math.trunc((0.2989 * 3 + 0.587 * 200 + 0.114 * 10) * (255.5 / 255)),
    );
  });

  it('keeps every grey of equal channels', () => {
    const greys = Uint8Array.from({ length: 3 * 256 }, (_, i) => Math.floor(i / 3));
    const moved = [...toGrey(greys)].map((grey, i) => grey - i);
    expect(Math.min(...moved)).toBe(0);
    expect(Math.max(...moved)).toBe(0);
  });

  it('refuses what makes no sense', () => {
    expect(() => toGrey(new Uint8Array(4))).toThrow('4 values are no pixels of 3');
    expect(() => toGrey(new Uint8Array(3), 'floor' as 'nearest')).toThrow(
      "must be 'tensorflow' or 'nearest'",
    );
  });
});

const real = existsSync(join(dataFolder(), 'lra', 'image_cifar10'));

describe.skipIf(!real)('CIFAR-10 (needs PRIMAL_DATA)', () => {
  it('has its images in colour and, for LRA, in grey', async () => {
    const cifar = await loadCifar10(); // Once: unpacking xz takes its time.
    const { train, test, classes } = cifar;
    expect([train.images.shape, test.images.shape]).toEqual([
      [50_000, 32, 32, 3],
      [10_000, 32, 32, 3],
    ]);
    for (const [split, each] of [
      [train, 5000],
      [test, 1000],
    ] as const) {
      const counts = new Array(10).fill(0);
      for (const label of split.labels.data) counts[label]++;
      expect(counts).toEqual(new Array(10).fill(each));
    }
    // The first test image, cat, as PNG readers give it (frog, cat, …: the official order).
    expect([...test.labels.data.subarray(0, 4)].map((label) => classes[label])).toEqual([
      'cat',
      'ship',
      'ship',
      'airplane',
    ]);
    expect([...test.images.data.subarray(0, 6)]).toEqual([158, 112, 49, 159, 111, 47]);
    const set = imageTask(cifar);
    expect([set.train, set.dev!, set.test].map((split) => split.ids.shape)).toEqual([
      [45_000, 1024],
      [5000, 1024],
      [10_000, 1024],
    ]);
    expect(set.test.ids.data[0]).toBe(toGrey(Uint8Array.of(158, 112, 49))[0]);
    expect(createHash('sha256').update(set.test.ids.data).digest('hex').slice(0, 16)).toMatchInlineSnapshot(
      `"e2885ad0856c6dad"`,
    );
    expect(imageTask(cifar, { dev: 0 }).train.ids.shape[0]).toBe(50_000);
    await expect(loadImage({ dev: 50_000 })).rejects.toThrow('dev must be a whole number');
  }, 180_000);
});
