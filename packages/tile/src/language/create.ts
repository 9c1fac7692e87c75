import { append, currentBlock } from './build.js';
import { misuse } from './caller.js';
import { constant } from './constant.js';
import type { Dtype } from './dtype.js';
import { checkShape } from './shape.js';
import { Tile } from './tile.js';

/** Which program this is along an axis of the grid, an int32 scalar. */
export function programId(axis: 0 | 1 | 2 = 0): Tile {
  if (axis !== 0 && axis !== 1 && axis !== 2) {
    throw misuse('programId', `a grid has the axes 0, 1 and 2, got ${String(axis)}`);
  }
  const result = new Tile('int32', [], currentBlock('programId'));
  append({ kind: 'programId', axis, result });
  return result;
}

/** start, start + 1, ... end - 1, as int32; as many as a power of two. `arange(n)` begins at 0. */
export function arange(end: number): Tile;
export function arange(start: number, end: number): Tile;
export function arange(first: number, second?: number): Tile {
  const [start, end] = second === undefined ? [0, first] : [first, second];
  if (
    !Number.isInteger(start) ||
    !Number.isInteger(end) ||
    start < -(2 ** 31) ||
    end > 2 ** 31 ||
    end <= start
  ) {
    throw misuse('arange', `expected int32 bounds with start < end, got ${start} and ${end}`);
  }
  checkShape('arange', [end - start]);
  const result = new Tile('int32', [end - start], currentBlock('arange'));
  append({ kind: 'arange', start, result });
  return result;
}

/** A tile with one number everywhere. */
export function full(shape: readonly number[], value: number, dtype: Dtype = 'float32'): Tile {
  return constant('full', value, dtype, shape);
}

/** A tile of zeros. */
export function zeros(shape: readonly number[], dtype: Dtype = 'float32'): Tile {
  return constant('zeros', 0, dtype, shape);
}

/** One number as a scalar. */
export function scalar(value: number, dtype: Dtype = 'float32'): Tile {
  return constant('scalar', value, dtype, []);
}
