import { type Columns, column } from '../arrays.js';
import { concurrently } from '../concurrent.js';
import { RandomStream } from '../random.js';
import { decodeImage } from './decode.js';
import type { ImageFolder } from './folder.js';
import type { Filter } from './resize.js';
import { flip, type RandomResizedCropOptions, randomResizedCrop, resizeAndCrop } from './transforms.js';

/** How images of a folder are seen. */
export type ImageView =
  | ({
      /** Random part, resized, and flipped with probability `flip`: for training. */
      readonly kind: 'train';
      readonly size: number;
      /** Default 0.5. */
      readonly flip?: number;
      readonly seed: number;
      /** Each epoch has other parts. */
      readonly epoch: number;
    } & RandomResizedCropOptions)
  | {
      /** The shorter side resized to `resized`, then the middle. */
      readonly kind: 'test';
      readonly size: number;
      readonly resized: number;
      /** Default `bicubic`. */
      readonly filter?: Filter;
    };

/**
 * Images of a folder, decoded and brought to one size: `images` [samples, size, size, 3], uint8, and `labels` [samples], int32.
 *
 * In the training view, what happens to an image follows from seed, epoch and its index in the folder, whatever else is read with
 * it.
 *
 * @throws Error with the file's name for one that is empty, damaged or no image
 */
export async function readImages(
  folder: ImageFolder,
  indices: ArrayLike<number>,
  view: ImageView,
): Promise<Columns<'images' | 'labels'>> {
  const { size } = view;
  if (!Number.isInteger(size) || size < 1)
    throw new Error(`readImages: size must be a whole number, got ${size}`);
  const values = size * size * 3;
  const images = new Uint8Array(indices.length * values);
  const labels = new Int32Array(indices.length);
  await concurrently(indices.length, 8, async (position) => {
    const index = indices[position];
    const entry = folder.images[index];
    if (!entry) {
      throw new Error(`readImages: index ${index} is not one of 0..${folder.images.length - 1}`);
    }
    const image = await decodeImage(await entry.read(), entry.where, 3);
    labels[position] = entry.label;
    if (view.kind === 'test') {
      images.set(resizeAndCrop(image, view.resized, size, view.filter).data, position * values);
      return;
    }
    const stream = new RandomStream(view.seed, 'images', view.epoch, index);
    const part = randomResizedCrop(image, size, stream, view);
    const isFlipped = stream.float() < (view.flip ?? 0.5);
    images.set((isFlipped ? flip(part) : part).data, position * values);
  });
  return {
    images: column(images, [indices.length, size, size, 3]),
    labels: column(labels, [indices.length]),
  };
}
