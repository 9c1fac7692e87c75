/** Interpolation of {@link resize}. */
export type Filter = 'bilinear' | 'bicubic' | 'lanczos';

const filters: Readonly<Record<Filter, { support: number; weight: (x: number) => number }>> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  // Keys' cubic with a = -1/2.
  bicubic: {
    support: 2,
    weight: (signed) => {
      const x = Math.abs(signed);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    },
  },
  lanczos: { support: 3, weight: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x);
}

/** An image of 8-bit values, row by row, the channels of a pixel side by side. */
export interface Image {
  readonly data: Uint8Array;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
}

/**
 * Resizes an image as Pillow does (`Image.resize`, which torchvision and timm use on files): a separable filter that is widened
 * when the image shrinks, first along rows, then along columns, with weights in fixed point and each pass rounded to 8 bits.
 */
export function resize(image: Image, height: number, width: number, filter: Filter): Image {
  if (!(height >= 1 && width >= 1 && image.height >= 1 && image.width >= 1)) {
    throw new Error(
      `resize: cannot make ${height} x ${width} of ${image.height} x ${image.width}: sizes begin at 1`,
    );
  }
  const rows = width === image.width ? image : alongRows(image, width, filter);
  return height === image.height ? rows : alongColumns(rows, height, filter);
}

const precision = 2 ** 22;

interface Taps {
  /** First input of each output. */
  starts: Int32Array;
  /** Number of inputs of each output. */
  counts: Int32Array;
  /** [outputs, most], in units of 1 / precision. */
  weights: Int32Array;
  most: number;
}

function taps(from: number, to: number, filter: Filter): Taps {
  const { support, weight } = filters[filter];
  const scale = from / to;
  const stretch = Math.max(scale, 1);
  const radius = support * stretch;
  const most = 2 * Math.ceil(radius) + 1;
  const starts = new Int32Array(to);
  const counts = new Int32Array(to);
  const weights = new Int32Array(to * most);
  for (let out = 0; out < to; out++) {
    const center = (out + 0.5) * scale;
    const start = Math.max(0, Math.trunc(center - radius + 0.5));
    const end = Math.min(from, Math.trunc(center + radius + 0.5));
    const raw = Array.from({ length: end - start }, (_, i) => weight((start + i - center + 0.5) / stretch));
    const sum = raw.reduce((total, value) => total + value, 0);
    starts[out] = start;
    counts[out] = raw.length;
    for (const [i, value] of raw.entries()) {
      const scaled = (value / sum) * precision;
      weights[out * most + i] = Math.trunc(scaled + (scaled < 0 ? -0.5 : 0.5));
    }
  }
  return { starts, counts, weights, most };
}

const to8Bits = (sum: number): number => Math.max(0, Math.min(255, Math.floor(sum / precision + 0.5)));

function alongRows({ data, height, width, channels }: Image, newWidth: number, filter: Filter): Image {
  const { starts, counts, weights, most } = taps(width, newWidth, filter);
  const out = new Uint8Array(height * newWidth * channels);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < newWidth; x++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        let at = (y * width + starts[x]) * channels + c;
        for (let i = 0; i < counts[x]; i++, at += channels) sum += data[at] * weights[x * most + i];
        out[(y * newWidth + x) * channels + c] = to8Bits(sum);
      }
    }
  }
  return { data: out, height, width: newWidth, channels };
}

function alongColumns({ data, height, width, channels }: Image, newHeight: number, filter: Filter): Image {
  const { starts, counts, weights, most } = taps(height, newHeight, filter);
  const row = width * channels;
  const out = new Uint8Array(newHeight * row);
  for (let y = 0; y < newHeight; y++) {
    for (let x = 0; x < row; x++) {
      let sum = 0;
      let at = starts[y] * row + x;
      for (let i = 0; i < counts[y]; i++, at += row) sum += data[at] * weights[y * most + i];
      out[y * row + x] = to8Bits(sum);
    }
  }
  return { data: out, height: newHeight, width, channels };
}
