import type { FunctionBuilder, Value } from '../hlo/function-builder.js';

/*
 * Reading an image between its pixels. Places are float64, so that one that should be on a pixel, or on the edge, is.
 */

export function toIndex(b: FunctionBuilder, place: Value): Value {
  return b.convert(place, 'i32');
}

/** ⌊x + 1/2⌋, as JavaScript rounds. */
export function round(b: FunctionBuilder, x: Value): Value {
  return b.unary('floor', b.binary('add', x, b.like(x, 0.5)));
}

/** True where a place is in [0, length - 1]. */
export function inside(b: FunctionBuilder, place: Value, length: number): Value {
  return b.binary(
    'and',
    b.compare('GE', place, b.like(place, 0)),
    b.compare('LE', place, b.like(place, length - 1)),
  );
}

/** What is between four pixels: `y` lies between the rows `top` and `bottom`, `x` between the columns `left` and `right`. */
export function interpolate(
  b: FunctionBuilder,
  pixels: (row: Value, column: Value) => Value,
  [top, bottom, y]: readonly [Value, Value, Value],
  [left, right, x]: readonly [Value, Value, Value],
): Value {
  const fraction = (place: Value, from: Value): Value => {
    const part = b.convert(b.binary('subtract', place, from), 'f32');
    return b.reshape(part, [...part.type.shape, 1]);
  };
  const between = (from: Value, to: Value, part: Value): Value =>
    b.binary('add', from, b.binary('multiply', b.binary('subtract', to, from), part));
  const along = fraction(x, left);
  const upper = between(pixels(top, left), pixels(top, right), along);
  const lower = between(pixels(bottom, left), pixels(bottom, right), along);
  return between(upper, lower, fraction(y, top));
}
