import { display } from './display.js';

/** The eight bytes that every PNG file begins with. */
const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/**
 * Shows a PNG below the running notebook cell: pictures of data, which are no figures. Outside a notebook it only says, on
 * stderr, what to do with the bytes.
 *
 * @throws Error if the bytes are no PNG file
 */
export function showImage(png: Uint8Array): void {
  if (signature.some((byte, i) => png[i] !== byte)) {
    throw new Error(`showImage: expected the bytes of a PNG file, got ${png.length} others`);
  }
  if (!display({ 'image/png': Buffer.from(png).toString('base64') })) {
    console.error('showImage: this is not a notebook; write the bytes to a file instead');
  }
}
