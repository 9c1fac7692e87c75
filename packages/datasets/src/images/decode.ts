import type { Image } from './resize.js';

/** Loaded when it is needed: it is native, and most sets have no image files. */
const loadSharp = async () => (await import('sharp')).default;

/**
 * Decodes a PNG, JPEG, WebP, GIF (first frame) or TIFF file of at most 8 bits per channel, more are reduced to 8.
 *
 * `channels` 1: grey values; colours are turned to grey by libvips. 3: red, green, blue; grey is repeated. Transparency is put on
 * black, colour profiles and orientation marks are not applied: as Pillow does, which the published pipelines use.
 *
 * @throws Error with `name` if the bytes are empty, truncated, damaged, or no image
 */
export async function decodeImage(bytes: Uint8Array, name: string, channels: 1 | 3): Promise<Image> {
  if (bytes.length === 0) throw new Error(`${name}: the file is empty (0 bytes), expected an image`);
  try {
    const sharp = await loadSharp();
    const decoded = sharp(bytes, { ignoreIcc: true, failOn: 'warning' })
      .flatten({ background: '#000' })
      .toColourspace(channels === 1 ? 'b-w' : 'srgb')
      .raw({ depth: 'uchar' });
    const { data, info } = await decoded.toBuffer({ resolveWithObject: true });
    if (info.channels !== channels) throw new Error(`decoded to ${info.channels} channels, not ${channels}`);
    return { data: new Uint8Array(data), height: info.height, width: info.width, channels };
  } catch (error) {
    throw new Error(`${name}: no whole image: ${(error as Error).message.trim()}`, { cause: error });
  }
}

/** Encodes 8-bit grey or RGB values as PNG. */
export async function encodePng({ data, height, width, channels }: Image): Promise<Buffer> {
  if (channels !== 1 && channels !== 3) {
    throw new Error(`encodePng: expected 1 or 3 channels, got ${channels}`);
  }
  const sharp = await loadSharp();
  return sharp(data, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png()
    .toBuffer();
}

/** Images of one size side by side on a grey ground, `columns` to a row, each pixel `zoom` pixels wide: to look at. */
export function contactSheet(images: readonly Image[], columns: number, zoom = 1): Image {
  const { height, width, channels } = images[0];
  const rows = Math.ceil(images.length / columns);
  const cell = { height: (height + 2) * zoom, width: (width + 2) * zoom };
  const sheet = {
    data: new Uint8Array(rows * cell.height * columns * cell.width * channels).fill(128),
    height: rows * cell.height,
    width: columns * cell.width,
    channels,
  };
  for (const [index, image] of images.entries()) {
    const top = Math.floor(index / columns) * cell.height + zoom;
    const left = (index % columns) * cell.width + zoom;
    for (let y = 0; y < height * zoom; y++) {
      for (let x = 0; x < width * zoom; x++) {
        const from = (Math.floor(y / zoom) * width + Math.floor(x / zoom)) * channels;
        const to = ((top + y) * sheet.width + left + x) * channels;
        for (let c = 0; c < channels; c++) sheet.data[to + c] = image.data[from + c];
      }
    }
  }
  return sheet;
}
