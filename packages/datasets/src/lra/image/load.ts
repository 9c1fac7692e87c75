import { type Columns, column, type Splits, sliceSamples } from '../../arrays.js';
import { type Cifar10Set, type LoadCifar10Options, loadCifar10 } from '../../images/cifar10.js';

/** The Image set. Columns: `ids` [samples, 1024], uint8, grey values row by row, and `labels` [samples], uint8, 0 to 9. */
export interface ImageSet extends Splits<'ids' | 'labels'> {
  readonly vocabulary: number;
  readonly classes: readonly string[];
  readonly length: number;
}

/** Options of {@link loadImage}. */
export interface LoadImageOptions extends LoadCifar10Options {
  /** How grey values become whole numbers: as TensorFlow does it (default, as published), or to the nearest. */
  rounding?: GreyRounding;
  /** Images at the end of train that become dev. Default 5,000, as published. */
  dev?: number;
}

/** See {@link LoadImageOptions.rounding}. */
export type GreyRounding = 'tensorflow' | 'nearest';

/**
 * Loads LRA's Image task: CIFAR-10 as sequences of 1,024 grey values, 45,000 / 5,000 / 10,000. A black pixel has the id 0, which
 * the published models take for padding.
 *
 * How ours differs: LRA cuts train and dev in the stored order of TensorFlow Datasets, this in the official order; the sets have the
 * same sizes, not the same members.
 */
export async function loadImage(options: LoadImageOptions = {}): Promise<ImageSet> {
  checkDev(options.dev);
  return imageTask(await loadCifar10(options), options);
}

/** The Image task of a CIFAR-10 that is loaded already: see {@link loadImage}. */
export function imageTask(
  { train, test, classes }: Cifar10Set,
  { dev = 5000, rounding = 'tensorflow' }: Pick<LoadImageOptions, 'dev' | 'rounding'> = {},
): ImageSet {
  checkDev(dev);
  const all = greyColumns(train, rounding);
  const samples = train.labels.shape[0];
  return {
    train: sliceSamples(all, 0, samples - dev),
    dev: sliceSamples(all, samples - dev, samples),
    test: greyColumns(test, rounding),
    vocabulary: 256,
    classes,
    length: 1024,
  };
}

function checkDev(dev = 5000): void {
  if (Number.isInteger(dev) && dev >= 0 && dev < 50_000) return;
  throw new Error(`loadImage: dev must be a whole number, 0..49999, got ${dev}`);
}

function greyColumns({ images, labels }: Columns<'images' | 'labels'>, rounding: GreyRounding) {
  const ids = toGrey(images.data as Uint8Array, rounding);
  return { ids: column(ids, [labels.shape[0], 1024]), labels };
}

/**
 * Grey values of pixels of red, green and blue, 0 to 255: 0.2989 r + 0.5870 g + 0.1140 b.
 *
 * `tensorflow` is `tf.image.rgb_to_grayscale` of 8-bit values in float32: they are divided by 255, weighed, multiplied by 255.5 and
 * cut off. (TensorFlow may add the three products in another order, which can make 1 of difference where the sum is almost
 * whole.)
 */
export function toGrey(rgb: Uint8Array, rounding: GreyRounding = 'tensorflow'): Uint8Array {
  if (rounding !== 'tensorflow' && rounding !== 'nearest') {
    throw new Error(`toGrey: rounding must be 'tensorflow' or 'nearest', got '${rounding}'`);
  }
  if (rgb.length % 3 !== 0) throw new Error(`toGrey: ${rgb.length} values are no pixels of 3`);
  const { fround } = Math;
  const [r, g, b] = [0.2989, 0.587, 0.114].map((weight) => table(weight, rounding));
  const grey = new Uint8Array(rgb.length / 3);
  for (let i = 0; i < grey.length; i++) {
    if (rounding === 'nearest') {
      grey[i] = Math.round(r[rgb[3 * i]] + g[rgb[3 * i + 1]] + b[rgb[3 * i + 2]]);
    } else {
      const sum = fround(fround(r[rgb[3 * i]] + g[rgb[3 * i + 1]]) + b[rgb[3 * i + 2]]);
      grey[i] = Math.trunc(fround(sum * 255.5));
    }
  }
  return grey;
}

/** The share of a channel in the grey value, for each of its values. */
function table(weight: number, rounding: GreyRounding): Float64Array {
  const { fround } = Math;
  return Float64Array.from({ length: 256 }, (_, value) =>
    rounding === 'nearest' ? weight * value : fround(fround(weight) * fround(value * fround(1 / 255))),
  );
}
