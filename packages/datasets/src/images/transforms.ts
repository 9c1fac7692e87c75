import type { RandomStream } from '../random.js';
import { type Filter, type Image, resize } from './resize.js';

/** A rectangle of an image. */
export interface Box {
  top: number;
  left: number;
  height: number;
  width: number;
}

/** Options of {@link randomResizedCrop}. */
export interface RandomResizedCropOptions {
  /** Bounds of the area, in parts of the image's. Default 0.08 to 1. */
  scale?: readonly [number, number];
  /** Bounds of width / height. Default 3/4 to 4/3. */
  ratio?: readonly [number, number];
  /** Default `bicubic`, as in timm's training. */
  filter?: Filter;
}

/** The part of an image. */
export function crop({ data, height, width, channels }: Image, box: Box): Image {
  const right = box.left + box.width;
  const bottom = box.top + box.height;
  const numbers = [box.top, box.left, box.height, box.width];
  if (
    numbers.some((n) => !Number.isInteger(n) || n < 0) ||
    box.height < 1 ||
    box.width < 1 ||
    right > width ||
    bottom > height
  ) {
    throw new Error(
      `crop: a box of ${box.height} x ${box.width} at (${box.top}, ${box.left}) is not within ${height} x ${width}`,
    );
  }
  const row = box.width * channels;
  const out = new Uint8Array(box.height * row);
  for (let y = 0; y < box.height; y++) {
    const start = ((box.top + y) * width + box.left) * channels;
    out.set(data.subarray(start, start + row), y * row);
  }
  return { data: out, height: box.height, width: box.width, channels };
}

/** The image with left and right exchanged. */
export function flip({ data, height, width, channels }: Image): Image {
  const out = new Uint8Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const from = (y * width + width - 1 - x) * channels;
      out.set(data.subarray(from, from + channels), (y * width + x) * channels);
    }
  }
  return { data: out, height, width, channels };
}

/**
 * A part of random place, size and proportions, resized to `size` x `size`: torchvision's `RandomResizedCrop`. Area uniform in
 * `scale`, the logarithm of width / height uniform in that of `ratio`; if 10 drawings do not fit, the middle of the image in the
 * nearest allowed proportions.
 */
export function randomResizedCrop(
  image: Image,
  size: number,
  stream: RandomStream,
  options: RandomResizedCropOptions = {},
): Image {
  return resize(crop(image, randomBox(image, stream, options)), size, size, options.filter ?? 'bicubic');
}

/** The box of {@link randomResizedCrop}. */
export function randomBox(
  { height, width }: Pick<Image, 'height' | 'width'>,
  stream: RandomStream,
  { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] }: RandomResizedCropOptions = {},
): Box {
  for (const [name, [low, high]] of Object.entries({ scale, ratio })) {
    if (low > 0 && low <= high) continue;
    throw new Error(`randomResizedCrop: ${name} must be two numbers 0 < low <= high, got ${low} and ${high}`);
  }
  const between = (low: number, high: number): number => low + (high - low) * stream.float();
  for (let attempt = 0; attempt < 10; attempt++) {
    const area = height * width * between(...scale);
    const proportion = Math.exp(between(Math.log(ratio[0]), Math.log(ratio[1])));
    const box = {
      height: Math.round(Math.sqrt(area / proportion)),
      width: Math.round(Math.sqrt(area * proportion)),
    };
    if (box.height < 1 || box.width < 1 || box.height > height || box.width > width) continue;
    return {
      ...box,
      top: stream.below(height - box.height + 1),
      left: stream.below(width - box.width + 1),
    };
  }
  const proportion = Math.min(ratio[1], Math.max(ratio[0], width / height));
  const box = {
    height: Math.max(1, Math.min(height, Math.round(width / proportion))),
    width: Math.max(1, Math.min(width, Math.round(height * proportion))),
  };
  return { ...box, top: (height - box.height) >> 1, left: (width - box.width) >> 1 };
}

/** The evaluation's view: the shorter side resized to `resized`, then the middle `size` x `size`. */
export function resizeAndCrop(
  image: Image,
  resized: number,
  size: number,
  filter: Filter = 'bicubic',
): Image {
  if (!(Number.isInteger(size) && Number.isInteger(resized) && size >= 1 && size <= resized)) {
    throw new Error(`resizeAndCrop: a middle of ${size} does not fit into ${resized}`);
  }
  const { height, width } = image;
  const isTall = height > width;
  const longer = Math.floor((resized * Math.max(height, width)) / Math.min(height, width));
  const small = resize(image, isTall ? longer : resized, isTall ? resized : longer, filter);
  return crop(small, {
    height: size,
    width: size,
    top: halfEven(small.height - size),
    left: halfEven(small.width - size),
  });
}

/** Half of a number; halves to even, as Python rounds. */
function halfEven(n: number): number {
  const low = Math.floor(n / 2);
  return n % 2 === 0 || low % 2 === 0 ? low : low + 1;
}
