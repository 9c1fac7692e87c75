import { arange, full, zeros } from '../language/create.js';
import { dot } from '../language/dot.js';
import type { OutputPointer } from '../language/pointer.js';
import type { Tile } from '../language/tile.js';

/** The least that a product can have. */
const copies = 16;

/*
 * Sums over the rows of many tiles, by products with a matrix of ones: several times faster than a reduction, which would make
 * all warps wait for each other at each step. Each sum is there 16 times, in the rows of one tile.
 */

/** No sums yet, float32 [16, columns]. */
export function noSums(columns: number): Tile {
  return zeros([copies, columns]);
}

/** The sums with those of one more tile. @param values [rows, columns], which are rounded to `dtype` */
export function addColumns(sums: Tile, values: Tile, dtype: 'bfloat16' | 'float32'): Tile {
  const ones = full([copies, values.shape[0]], 1, dtype);
  return dot(ones, values.cast(dtype), { accumulator: sums });
}

/** Writes the sums of the first `count` columns, one after the other. */
export function storeSums(pointer: OutputPointer, sums: Tile, count: number): void {
  const at = arange(sums.shape[1]);
  // All rows are alike.
  const total = sums.sum(0).mul(1 / copies);
  pointer.store(at, total, count === sums.shape[1] ? {} : { mask: at.less(count) });
}
