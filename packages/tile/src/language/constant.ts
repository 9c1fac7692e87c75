import { append, currentBlock } from './build.js';
import { misuse } from './caller.js';
import { checkDtype, type Dtype, dtypes, integerRange, isFloat, isInteger } from './dtype.js';
import { roundTo } from './rounding.js';
import { checkShape } from './shape.js';
import { Tile } from './tile.js';

/** The number as the type holds it. @throws Error when the type has no such number */
function representable(operation: string, value: number, dtype: Dtype): number {
  const fail = (expected: string): Error =>
    misuse(operation, `${value} is no ${dtype}; expected ${expected}`);
  if (typeof value !== 'number') throw misuse(operation, `expected a number or a tile, got ${String(value)}`);
  if (isFloat(dtype)) {
    const rounded = roundTo(dtype, value);
    if (Number.isFinite(value) && !Number.isFinite(rounded)) throw fail('a number in its range');
    return rounded;
  }
  if (isInteger(dtype)) {
    const [low, high] = integerRange(dtype);
    if (!Number.isInteger(value) || value < low || value > high) throw fail(`an integer in ${low}..${high}`);
    return value + 0; // no -0
  }
  if (value !== 0 && value !== 1) throw fail('0 or 1');
  return value;
}

/** A tile with one number everywhere. */
export function constant(operation: string, value: number, dtype: Dtype, shape: readonly number[]): Tile {
  checkShape(operation, shape);
  checkDtype(operation, dtype, dtypes);
  const held = representable(operation, value, dtype);
  const result = new Tile(dtype, shape, currentBlock(operation));
  append({ kind: 'constant', value: held, result });
  return result;
}
