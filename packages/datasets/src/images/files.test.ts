import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { dataFolder } from '../data-folder.js';
import { TestFolder, tarOf } from '../testing/folder.js';
import { loadCifar10 } from './cifar10.js';
import { loadMnist } from './mnist.js';

const folder = new TestFolder('images');
const names = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`).concat('test_batch.bin');
const batch = (label: number): Uint8Array => {
  const bytes = new Uint8Array(30_730_000);
  for (let i = 0; i < 10_000; i++) bytes.fill(label, i * 3073, i * 3073 + 1);
  bytes[1] = 11;
  bytes[1025] = 12;
  bytes[2049] = 13;
  return bytes;
};

describe('loadCifar10', () => {
  it('refuses files of another size, labels above 9, missing and repeated files', async () => {
    await expect(loadCifar10({ folder: folder.path })).rejects.toThrow(
      /CIFAR-10 is not on this machine.*kriz/,
    );
    const put = (files: Record<string, string | Uint8Array>, ending = '.tar') =>
      folder.put(
        `lra/image_cifar10/cifar-10-binary${ending}`,
        ending === '.tar' ? tarOf(files) : gzipSync(tarOf(files)),
      );
    await put({ 'b/test_batch.bin': 'short' });
    await expect(loadCifar10({ folder: folder.path })).rejects.toThrow(
      'b/test_batch.bin: 5 bytes, expected 10000 records of 3073',
    );
    await put({ 'b/test_batch.bin': batch(10) });
    await expect(loadCifar10({ folder: folder.path })).rejects.toThrow(
      'record 1: the label must be 0 to 9, got 10',
    );
    await put({ 'b/test_batch.bin': batch(3) });
    await expect(loadCifar10({ folder: folder.path })).rejects.toThrow(
      'lacks data_batch_1.bin, data_batch_2.bin',
    );
    await put({ 'b/test_batch.bin': batch(3), 'c/test_batch.bin': batch(3) });
    await expect(loadCifar10({ folder: folder.path })).rejects.toThrow('a second test_batch.bin');
  });

  it('turns planes into pixels, from the unpacked folder', async () => {
    for (const [label, name] of names.entries()) {
      await folder.put(`lra/image_cifar10/cifar-10-batches-bin/${name}`, batch(label));
    }
    const { train, test } = await loadCifar10({ folder: folder.path });
    expect([...test.images.data.subarray(0, 4)]).toEqual([11, 12, 13, 0]);
    expect([0, 10_000, 49_999].map((i) => train.labels.data[i])).toEqual([0, 1, 4]);
  });
});

const idx = (shape: number[], values: ArrayLike<number>, type = 8): Buffer => {
  const header = Buffer.alloc(4 + 4 * shape.length);
  header[2] = type;
  header[3] = shape.length;
  for (const [i, n] of shape.entries()) header.writeUInt32BE(n, 4 + 4 * i);
  return Buffer.concat([header, Uint8Array.from(values)]);
};

describe('loadMnist', () => {
  const load = () => loadMnist({ folder: folder.path, sizes: 'any' });
  const putAll = async (images: Uint8Array, labels: Uint8Array): Promise<void> => {
    for (const prefix of ['train', 't10k']) {
      await folder.put(`mnist/${prefix}-images-idx3-ubyte`, images);
      await folder.put(`mnist/${prefix}-labels-idx1-ubyte`, labels);
    }
  };

  it('reads the four files', async () => {
    await putAll(idx([2, 1, 2], [1, 2, 3, 4]), gzipSync(idx([2], [7, 9])));
    const { train } = await load();
    expect(train.images).toEqual({ data: Uint8Array.of(1, 2, 3, 4), shape: [2, 1, 2, 1] });
    expect([...train.labels.data]).toEqual([7, 9]);
  });

  it('says what is wrong, and where', async () => {
    await expect(load()).rejects.toThrow(/MNIST is not on this machine.*lecun/);
    const rejects = async (images: Uint8Array, labels: Uint8Array, message: string): Promise<void> => {
      await putAll(images, labels);
      await expect(load()).rejects.toThrow(message);
    };
    const good = idx([1, 1, 2], [1, 2]);
    await rejects(
      new Uint8Array(0),
      idx([1], [7]),
      'train-images-idx3-ubyte: 0 bytes, too few for the header',
    );
    await rejects(good.subarray(0, 17), idx([1], [7]), '1 values, but its header says 1 x 1 x 2 = 2');
    await rejects(idx([1, 1, 2], [1, 2], 13), idx([1], [7]), 'begins with 00000d03, expected 00000803');
    await rejects(good, idx([1], [10]), 'train-labels-idx1-ubyte: label 1 must be 0 to 9, got 10');
    await rejects(good, idx([2], [1, 2]), '2 labels for 1 images');
    await putAll(good, idx([1], [7]));
    await expect(loadMnist({ folder: folder.path })).rejects.toThrow(
      '1 images of 1 x 2, expected 60000 of 28 x 28',
    );
  });
});

describe.skipIf(!existsSync(join(dataFolder(), 'mnist')))('MNIST (needs PRIMAL_DATA)', () => {
  it('has 60,000 and 10,000 images', async () => {
    const { train, test } = await loadMnist();
    expect([train.images.shape, test.images.shape]).toEqual([
      [60_000, 28, 28, 1],
      [10_000, 28, 28, 1],
    ]);
    expect([...train.labels.data.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
    expect([...test.labels.data.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
  });
});
