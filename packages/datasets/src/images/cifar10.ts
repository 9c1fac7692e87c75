import type { Buffer } from 'node:buffer';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { archiveMembers, readUnpacked } from '../archives/index.js';
import { column, type Splits } from '../arrays.js';
import { locate } from '../locate.js';

/**
 * CIFAR-10 in colour. Columns: `images` [samples, 32, 32, 3], uint8, red, green and blue side by side, and `labels` [samples], uint8.
 * 50,000 for training and 10,000 for testing, in the official order.
 */
export interface Cifar10Set extends Splits<'images' | 'labels'> {
  /** Names in the order of the labels. */
  readonly classes: readonly string[];
}

/** Options of {@link loadCifar10}. */
export interface LoadCifar10Options {
  /** Default: `dataFolder()`. */
  folder?: string;
}

/** The ten classes in the order of the labels. */
export const cifar10Classes = [
  ...['airplane', 'automobile', 'bird', 'cat', 'deer'],
  ...['dog', 'frog', 'horse', 'ship', 'truck'],
] as const;

const pixels = 32 * 32;
const record = 1 + 3 * pixels;
const perBatch = 10_000;
const batches = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`);

/**
 * Loads CIFAR-10 (Krizhevsky 2009) from its official binary version: the archive (`cifar-10-binary.tar.gz`, or with xz) or the unpacked
 * folder `cifar-10-batches-bin/`, in `lra/image_cifar10/`.
 *
 * @throws Error with the file's name for a file of another size, a label above 9, a missing file
 */
export async function loadCifar10(options: LoadCifar10Options = {}): Promise<Cifar10Set> {
  const path = locate(
    {
      caller: 'loadCifar10',
      set: 'CIFAR-10',
      source: 'https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz',
      places: [
        'lra/image_cifar10/cifar-10-batches-bin',
        ...['.tar.gz', '.tar.xz', '.tar'].map((ending) => `lra/image_cifar10/cifar-10-binary${ending}`),
      ],
    },
    options.folder,
  );
  const train = empty(batches.length * perBatch);
  const test = empty(perBatch);
  const missing = new Set([...batches, 'test_batch.bin']);
  const take = (name: string, bytes: Buffer, where: string): void => {
    if (!missing.delete(name)) throw new Error(`loadCifar10: ${where}: a second ${name}`);
    const [into, first] = name === 'test_batch.bin' ? [test, 0] : [train, batches.indexOf(name) * perBatch];
    unpackRecords(bytes, where, into, first);
  };
  if ((await stat(path)).isDirectory()) {
    for (const name of [...missing]) take(name, await readUnpacked(join(path, name)), join(path, name));
  } else {
    for await (const member of archiveMembers(path)) {
      const name = member.path.slice(member.path.lastIndexOf('/') + 1);
      if (/^(?:data_batch_[1-5]|test_batch)\.bin$/.test(name)) take(name, await member.bytes(), member.where);
    }
  }
  if (missing.size > 0) throw new Error(`loadCifar10: ${path} lacks ${[...missing].join(', ')}`);
  return { train: columns(train), test: columns(test), classes: cifar10Classes };
}

interface Split {
  images: Uint8Array;
  labels: Uint8Array;
}

const empty = (samples: number): Split => ({
  images: new Uint8Array(samples * 3 * pixels),
  labels: new Uint8Array(samples),
});

const columns = ({ images, labels }: Split) => ({
  images: column(images, [labels.length, 32, 32, 3]),
  labels: column(labels, [labels.length]),
});

/** Records of label and planes R, G, B, into pixels. */
function unpackRecords(bytes: Buffer, where: string, { images, labels }: Split, first: number): void {
  if (bytes.length !== perBatch * record) {
    throw new Error(
      `loadCifar10: ${where}: ${bytes.length} bytes, expected ${perBatch} records of ${record}`,
    );
  }
  for (let i = 0; i < perBatch; i++) {
    const start = i * record;
    if (bytes[start] > 9) {
      throw new Error(
        `loadCifar10: ${where}: record ${i + 1}: the label must be 0 to 9, got ${bytes[start]}`,
      );
    }
    labels[first + i] = bytes[start];
    const into = (first + i) * 3 * pixels;
    for (let channel = 0; channel < 3; channel++) {
      const plane = start + 1 + channel * pixels;
      for (let p = 0; p < pixels; p++) images[into + 3 * p + channel] = bytes[plane + p];
    }
  }
}
