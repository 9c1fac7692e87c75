import { backend_util } from '@tensorflow/tfjs-core';
import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { addRows, gatherAt, takeRows } from './gather-scatter.js';
import { inside, interpolate, round, toIndex } from './sampling.js';
import { type Attributes, lower } from './table.js';

/** Where the pixels of a resized dimension read: between `low` and `high`, `fraction` of the way. */
interface Samples {
  readonly low: number[];
  readonly high: number[];
  readonly fraction: number[];
}

/** How many pixels of the input one pixel of the output is; between the outer pixels' centres when corners align. */
function scale(input: number, output: number, attrs: Attributes): number {
  return attrs.alignCorners && output > 1 ? (input - 1) / (output - 1) : input / output;
}

function linearSamples(input: number, output: number, attrs: Attributes): Samples {
  const ratio = scale(input, output, attrs);
  const places = Array.from({ length: output }, (_, i) =>
    attrs.halfPixelCenters ? ratio * (i + 0.5) - 0.5 : ratio * i,
  );
  const low = places.map((place) => Math.min(input - 1, Math.max(0, Math.floor(place))));
  const high = places.map((place) => Math.min(input - 1, Math.max(0, Math.ceil(place))));
  return { low, high, fraction: places.map((place, i) => place - low[i]) };
}

function nearestSamples(input: number, output: number, attrs: Attributes): number[] {
  const ratio = scale(input, output, attrs);
  return Array.from({ length: output }, (_, i) => {
    const place = ratio * (attrs.halfPixelCenters ? i + 0.5 : i);
    return Math.max(0, Math.min(input - 1, attrs.alignCorners ? Math.round(place) : Math.floor(place)));
  });
}

/** The rows and the columns of a batch of images [batch, height, width, channels]. */
const dimensions = [1, 2] as const;

/** Numbers of one dimension, in a shape that broadcasts with the images. */
function along(b: FunctionBuilder, numbers: readonly number[], dimension: number): Value {
  return b.constantArray(
    numbers,
    'f32',
    [0, 1, 2, 3].map((i) => (i === dimension ? numbers.length : 1)),
  );
}

lower('ResizeBilinear', (b, { images }, attrs) => {
  const size = attrs.size as [number, number];
  let value = b.convert(images, 'f32');
  for (const dimension of [...dimensions].reverse()) {
    const { low, high, fraction } = linearSamples(images.type.shape[dimension], size[dimension - 1], attrs);
    const from = takeRows(b, value, low, dimension);
    const step = b.binary('subtract', takeRows(b, value, high, dimension), from);
    value = b.binary('add', from, b.binary('multiply', step, along(b, fraction, dimension)));
  }
  return value;
});

/** The transpose of the interpolation, for each of its three conventions: a pixel's gradient goes where the pixel was read. */
lower('ResizeBilinearGrad', (b, { images, dy }, attrs) => {
  let value = b.convert(dy, 'f32');
  for (const dimension of dimensions) {
    const input = images.type.shape[dimension];
    const { low, high, fraction } = linearSamples(input, dy.type.shape[dimension], attrs);
    const upper = b.binary('multiply', value, along(b, fraction, dimension));
    const lower = b.binary('subtract', value, upper);
    value = addRows(b, b.concatenate([lower, upper], dimension), [...low, ...high], dimension, input);
  }
  return value;
});

lower('ResizeNearestNeighbor', (b, { images }, attrs) => {
  const size = attrs.size as [number, number];
  return dimensions.reduce((value, dimension) => {
    const samples = nearestSamples(images.type.shape[dimension], size[dimension - 1], attrs);
    return takeRows(b, value, samples, dimension);
  }, images);
});

lower('ResizeNearestNeighborGrad', (b, { images, dy }, attrs) =>
  dimensions.reduce((value, dimension) => {
    const input = images.type.shape[dimension];
    return addRows(b, value, nearestSamples(input, dy.type.shape[dimension], attrs), dimension, input);
  }, dy),
);

lower('FlipLeftRight', (b, { image }) => b.reverse(image, [2]));

/** The images turned around a point; every pixel of the result reads the nearest one of the input. */
lower('RotateWithOffset', (b, { image }, { radians, fillValue, center }) => {
  const [, height, width, channels] = image.type.shape;
  const [centerX, centerY] = backend_util.getImageCenter(center as number | [number, number], height, width);
  const number = (value: number): Value => b.constant(value, 'f64');
  const x = b.binary('subtract', b.iota('f64', [height, width], 1), number(centerX));
  const y = b.binary('subtract', b.iota('f64', [height, width], 0), number(centerY));
  const [sine, cosine] = [Math.sin(radians as number), Math.cos(radians as number)];
  const turned = (op: string, p: number, q: number, offset: number): Value => {
    const rotated = b.binary(op, b.binary('multiply', x, number(p)), b.binary('multiply', y, number(q)));
    return round(b, b.binary('add', rotated, number(offset)));
  };
  const column = turned('subtract', cosine, sine, centerX);
  const row = turned('add', sine, cosine, centerY);
  const pixels = gatherAt(b, image, [toIndex(b, row), toIndex(b, column)], 1);
  const valid = b.binary('and', inside(b, row, height), inside(b, column, width));
  const fill =
    typeof fillValue === 'number'
      ? b.constant(fillValue, image.type.element)
      : b.constantArray(
          // A colour has three parts; the fourth channel, opacity, is full.
          Array.from({ length: channels }, (_, i) => (i === 3 ? 255 : (fillValue as number[])[i])),
          image.type.element,
          [channels],
        );
  return b.select(b.reshape(valid, [1, height, width, 1]), pixels, fill);
});

/** Parts of images, each a box in units of its image's size, brought to one size. */
lower('CropAndResize', (b, { image, boxes, boxInd }, { cropSize, method, extrapolationValue }) => {
  const [batch, height, width] = image.type.shape;
  const count = boxes.type.shape[0];
  const [cropHeight, cropWidth] = cropSize as [number, number];
  const corners = b.convert(boxes, 'f64');
  const corner = (i: number): Value => b.slice(corners, [0, i], [count, i + 1]);
  /** Where the pixels of the crops read in one dimension, [boxes, pixels]. */
  const places = (first: Value, last: Value, input: number, output: number): Value => {
    const extent = b.like(first, input - 1);
    if (output === 1) {
      return b.binary(
        'multiply',
        b.binary('multiply', b.like(first, 0.5), b.binary('add', first, last)),
        extent,
      );
    }
    const step = b.binary(
      'divide',
      b.binary('multiply', b.binary('subtract', last, first), extent),
      b.like(first, output - 1),
    );
    const offset = b.binary('multiply', b.iota('f64', [1, output], 1), step);
    return b.binary('add', b.binary('multiply', first, extent), offset);
  };
  const shape = [count, cropHeight, cropWidth];
  const y = b.reshape(places(corner(0), corner(2), height, cropHeight), [count, cropHeight, 1]);
  const x = b.reshape(places(corner(1), corner(3), width, cropWidth), [count, 1, cropWidth]);
  const images = b.reshape(b.convert(boxInd, 'i32'), [count, 1, 1]);
  const pixels = (row: Value, column: Value): Value => {
    const place = [images, toIndex(b, row), toIndex(b, column)].map((index) => b.broadcastTo(index, shape));
    return b.convert(gatherAt(b, image, place, 0), 'f32');
  };
  let value: Value;
  if (method === 'bilinear') {
    const [top, bottom, left, right] = [
      b.unary('floor', y),
      b.unary('ceil', y),
      b.unary('floor', x),
      b.unary('ceil', x),
    ];
    value = interpolate(b, pixels, [top, bottom, y], [left, right, x]);
  } else {
    value = pixels(round(b, y), round(b, x));
  }
  const valid = b.binary('and', inside(b, y, height), inside(b, x, width));
  const outside = b.constant(extrapolationValue as number, 'f32');
  const cropped = b.select(b.reshape(valid, [...shape, 1]), value, outside);
  // A box of an image that does not exist is black.
  const exists = b.binary(
    'and',
    b.compare('GE', images, b.like(images, 0)),
    b.compare('LT', images, b.like(images, batch)),
  );
  return b.select(b.reshape(exists, [count, 1, 1, 1]), cropped, b.constant(0, 'f32'));
});
