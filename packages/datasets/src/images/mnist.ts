import type { Buffer } from 'node:buffer';
import { readUnpacked } from '../archives/index.js';
import { type Columns, column, type Splits } from '../arrays.js';
import { locate, orGzip } from '../locate.js';

/** MNIST. Columns: `images` [samples, 28, 28, 1], uint8, and `labels` [samples], uint8, the digits. 60,000 and 10,000. */
export interface MnistSet extends Splits<'images' | 'labels'> {
  readonly classes: readonly string[];
}

/** Options of {@link loadMnist}. */
export interface LoadMnistOptions {
  /** Default: `dataFolder()`. */
  folder?: string;
  /** `published` (default): 60,000 and 10,000 images of 28 x 28. */
  sizes?: 'published' | 'any';
}

/**
 * Loads MNIST (LeCun, Cortes, Burges) from its four IDX files in `mnist/`, plain or with gzip.
 *
 * @throws Error with the file's name for a file that is no IDX file of bytes, is shorter or longer than its header says, or has
 * another number of items than its counterpart; for a label above 9
 */
export async function loadMnist(options: LoadMnistOptions = {}): Promise<MnistSet> {
  const load = async (prefix: string, published: number): Promise<Columns<'images' | 'labels'>> => {
    const images = await readIdx(`${prefix}-images-idx3-ubyte`, 3, options);
    const labels = await readIdx(`${prefix}-labels-idx1-ubyte`, 1, options);
    const [samples, height, width] = images.shape;
    if (
      (options.sizes ?? 'published') === 'published' &&
      (samples !== published || height !== 28 || width !== 28)
    ) {
      throw new Error(
        `loadMnist: ${images.path}: ${samples} images of ${height} x ${width}, expected ${published} of 28 x 28`,
      );
    }
    if (labels.shape[0] !== samples) {
      throw new Error(`loadMnist: ${labels.path}: ${labels.shape[0]} labels for ${samples} images`);
    }
    const wrong = labels.data.findIndex((label) => label > 9);
    if (wrong >= 0) {
      throw new Error(
        `loadMnist: ${labels.path}: label ${wrong + 1} must be 0 to 9, got ${labels.data[wrong]}`,
      );
    }
    return {
      images: column(images.data, [samples, height, width, 1]),
      labels: column(labels.data, [samples]),
    };
  };
  const classes = Array.from({ length: 10 }, (_, digit) => String(digit));
  return { train: await load('train', 60_000), test: await load('t10k', 10_000), classes };
}

async function readIdx(
  name: string,
  dimensions: number,
  { folder }: LoadMnistOptions,
): Promise<{ data: Uint8Array; shape: number[]; path: string }> {
  const path = locate(
    {
      caller: 'loadMnist',
      set: 'MNIST',
      source: 'http://yann.lecun.com/exdb/mnist/',
      places: orGzip(`mnist/${name}`),
    },
    folder,
  );
  const bytes: Buffer = await readUnpacked(path);
  const fail = (message: string): never => {
    throw new Error(`loadMnist: ${path}: ${message}`);
  };
  const header = 4 + 4 * dimensions;
  if (bytes.length < header) fail(`${bytes.length} bytes, too few for the header of ${header}`);
  // Two zeros, the type (8: bytes), the number of dimensions.
  if (bytes.readUInt32BE(0) !== 0x0800 + dimensions) {
    fail(`begins with ${bytes.toString('hex', 0, 4)}, expected 00000${(0x800 + dimensions).toString(16)}`);
  }
  const shape = Array.from({ length: dimensions }, (_, i) => bytes.readUInt32BE(4 + 4 * i));
  const size = shape.reduce((product, n) => product * n, 1);
  if (bytes.length - header !== size) {
    fail(`${bytes.length - header} values, but its header says ${shape.join(' x ')} = ${size}`);
  }
  return { data: new Uint8Array(bytes.subarray(header)), shape, path };
}
