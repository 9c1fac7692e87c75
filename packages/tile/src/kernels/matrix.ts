import { arange } from '../language/create.js';
import type { InputPointer, OutputPointer } from '../language/pointer.js';
import type { Tile } from '../language/tile.js';

/** Offsets of rows of a row-major matrix with `stride` columns: row numbers int32 [rows] to int32 [rows, columns]. */
export function rowOffsets(rows: Tile, columns: number, stride = columns): Tile {
  return rows.expandDims(1).mul(stride).add(arange(columns).expandDims(0));
}

/** A whole row-major matrix, [rows, columns]. */
export function loadMatrix(pointer: InputPointer, rows: number, columns: number): Tile {
  return pointer.load(rowOffsets(arange(rows), columns));
}

/**
 * A block of a row-major matrix with `stride` columns, 0 beyond `rows` and `columns`.
 *
 * @param wanted whether any of it is read, bool; zeros otherwise
 */
export function loadBlock(
  pointer: InputPointer,
  shape: readonly [number, number],
  {
    stride,
    rows = shape[0],
    columns = shape[1],
    wanted,
  }: { stride: number; rows?: number; columns?: number; wanted?: Tile },
): Tile {
  const [i, j] = [arange(shape[0]).expandDims(1), arange(shape[1]).expandDims(0)];
  const inside = within(i, j, shape, rows, columns);
  const mask = inside !== undefined && wanted !== undefined ? inside.and(wanted) : (inside ?? wanted);
  return pointer.load(i.mul(stride).add(j), { mask });
}

/** A vector as one row, [1, columns]. @param wanted whether it is read, bool; zeros otherwise */
export function loadRow(pointer: InputPointer, columns: number, wanted?: Tile): Tile {
  return pointer.load(arange(columns), { mask: wanted }).expandDims(0);
}

/**
 * Writes a row-major matrix, or a block of one with `stride` columns.
 *
 * @param values [rows, columns], cut to `rows` and `columns`
 */
export function storeMatrix(
  pointer: OutputPointer,
  values: Tile,
  {
    rows = values.shape[0],
    columns = values.shape[1],
    stride = columns,
  }: { rows?: number; columns?: number; stride?: number } = {},
): void {
  const [i, j] = [arange(values.shape[0]).expandDims(1), arange(values.shape[1]).expandDims(0)];
  pointer.store(i.mul(stride).add(j), values, { mask: within(i, j, values.shape, rows, columns) });
}

/** Where row and column number are within a smaller matrix; nothing where it is not smaller. */
function within(i: Tile, j: Tile, shape: readonly number[], rows: number, columns: number): Tile | undefined {
  const masks = [
    ...(rows < shape[0] ? [i.less(rows)] : []),
    ...(columns < shape[1] ? [j.less(columns)] : []),
  ];
  return masks.length === 2 ? masks[0].and(masks[1]) : masks[0];
}
