import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Filter, type Image, resize } from './resize.js';

/** Slopes, waves and edges. */
function pattern(): Image {
  const [height, width, channels] = [37, 53, 3];
  const data = new Uint8Array(height * width * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      for (let c = 0; c < channels; c++) {
        const tiles = ((Math.floor(x / 7) + Math.floor(y / 5)) % 2) * 120;
        data[(y * width + x) * channels + c] = x * x * 7 + y * y * 13 + x * y * 5 + c * 91 + tiles;
      }
    }
  }
  return { data, height, width, channels };
}

describe('resize', () => {
  // SHA-256 of what Pillow 13.0.0 makes of the same pattern.
  it.each<[Filter, number, number, string]>([
    ['bilinear', 16, 20, 'fd9e8bd36f7319ed'],
    ['bilinear', 80, 60, 'a7fbea075ad6baf6'],
    ['bilinear', 37, 11, '375fdf40915cfc90'],
    ['bicubic', 16, 20, 'ac93bfff8758a63b'],
    ['bicubic', 80, 60, 'a586d025ad6d691e'],
    ['bicubic', 37, 11, '97112f537730056c'],
    ['lanczos', 16, 20, 'f4f70aba976f0d4b'],
    ['lanczos', 80, 60, 'df7be80b3b97ef4e'],
    ['lanczos', 37, 11, '4eeff1697f499680'],
  ])('gives Pillow’s bits: %s to %d x %d', (filter, height, width, expected) => {
    const { data } = resize(pattern(), height, width, filter);
    expect(createHash('sha256').update(data).digest('hex').slice(0, 16)).toBe(expected);
  });

  it('leaves an image of the right size alone', () => {
    const image = pattern();
    expect(resize(image, 37, 53, 'lanczos')).toBe(image);
  });

  it('refuses sizes that are none', () => {
    expect(() => resize(pattern(), 0, 5, 'bilinear')).toThrow('cannot make 0 x 5 of 37 x 53');
  });
});
