import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { gatherAt } from './gather-scatter.js';
import { inside, interpolate, round, toIndex } from './sampling.js';
import { lower } from './table.js';

/** Where a place outside of an image reads, as TensorFlow's image ops define it. Places are float64. */
function fold(b: FunctionBuilder, place: Value, length: number, mode: string): Value {
  const number = (value: number): Value => b.like(place, value);
  const clamped = (value: Value): Value =>
    b.binary('minimum', b.binary('maximum', value, number(0)), number(length - 1));
  const truncated = (value: Value): Value => b.convert(b.convert(value, 'i32'), 'f64');
  const times = (value: Value, factor: number): Value => b.binary('multiply', value, number(factor));
  const over = (value: Value, divisor: number): Value =>
    truncated(b.binary('divide', value, number(divisor)));
  const isLow = b.compare('LT', place, number(0));
  const isHigh = b.compare('GT', place, number(length - 1));
  const choose = (low: Value, high: Value): Value => b.select(isLow, low, b.select(isHigh, high, place));
  switch (mode) {
    case 'nearest':
      return clamped(place);
    case 'reflect': {
      // [abcd] continues as [dcba|abcd|dcba].
      if (length <= 1) return clamped(place);
      const period = 2 * length;
      const back = b.binary('add', place, times(over(b.unary('negate', place), period), period));
      const low = b.select(
        b.compare('LT', back, number(-length)),
        b.binary('add', back, number(period)),
        b.binary('subtract', number(-1), back),
      );
      const forth = b.binary('subtract', place, times(over(place, period), period));
      const high = b.select(
        b.compare('GE', forth, number(length)),
        b.binary('subtract', number(period - 1), forth),
        forth,
      );
      return clamped(choose(low, high));
    }
    case 'wrap': {
      // [abcd] continues as [abcd|abcd|abcd].
      if (length <= 1) return clamped(place);
      const turns = b.binary('add', over(b.unary('negate', place), length - 1), number(1));
      const low = b.binary('add', place, times(turns, length));
      const high = b.binary('subtract', place, times(over(place, length - 1), length));
      return clamped(choose(low, high));
    }
    default:
      return place;
  }
}

/**
 * Images seen through projections: the pixel (x, y) reads at ((a x + b y + c) / k, (d x + e y + f) / k), k = g x + h y + 1,
 * for the eight numbers a..h of its image, or of all.
 */
lower('Transform', (b, { image, transforms }, { interpolation, fillMode, fillValue, outputShape }) => {
  const [batch, height, width] = image.type.shape;
  const [outHeight, outWidth] = (outputShape as [number, number] | null | undefined) ?? [height, width];
  const shape = [batch, outHeight, outWidth];
  const rows = transforms.type.shape[0];
  const numbers = b.convert(transforms, 'f64');
  const coefficient = (i: number): Value => b.reshape(b.slice(numbers, [0, i], [rows, i + 1]), [rows, 1, 1]);
  const x = b.iota('f64', [1, outHeight, outWidth], 2);
  const y = b.iota('f64', [1, outHeight, outWidth], 1);
  const linear = (i: number, constant: Value): Value =>
    b.binary(
      'add',
      b.binary('add', b.binary('multiply', coefficient(i), x), b.binary('multiply', coefficient(i + 1), y)),
      constant,
    );
  const depth = linear(6, b.constant(1, 'f64'));
  // Where the projection has no place the image is not read: any will do.
  const isInfinite = b.compare('EQ', depth, b.like(depth, 0));
  const divisor = b.select(isInfinite, b.like(depth, 1), depth);
  const place = (i: number, length: number): Value => {
    const raw = b.binary('divide', linear(i, coefficient(i + 2)), divisor);
    return b.broadcastTo(fold(b, raw, length, fillMode as string), shape);
  };
  const [column, row] = [place(0, width), place(3, height)];
  const images = b.iota('i32', shape, 0);
  const fill = b.constant(fillValue as number, image.type.element);
  const pixels = (rowAt: Value, columnAt: Value): Value => {
    const read = gatherAt(b, image, [images, toIndex(b, rowAt), toIndex(b, columnAt)], 0);
    const valid = b.binary('and', inside(b, rowAt, height), inside(b, columnAt, width));
    const seen = b.select(b.reshape(valid, [...shape, 1]), read, fill);
    return interpolation === 'bilinear' ? b.convert(seen, 'f32') : seen;
  };
  let value: Value;
  if (interpolation === 'bilinear') {
    const [top, left] = [b.unary('floor', row), b.unary('floor', column)];
    const [bottom, right] = [top, left].map((v) => b.binary('add', v, b.like(v, 1)));
    value = interpolate(b, pixels, [top, bottom, row], [left, right, column]);
  } else {
    value = pixels(round(b, row), round(b, column));
  }
  const missing = b.reshape(b.broadcastTo(isInfinite, shape), [...shape, 1]);
  return b.select(missing, fill, b.convert(value, image.type.element));
});
