import { arange } from '../language/create.js';
import type { InputPointer } from '../language/pointer.js';
import type { Tile } from '../language/tile.js';

/** Offsets of whole rows of a row-major matrix: row numbers int32 [rows] to int32 [rows, columns]. */
export function rowOffsets(rows: Tile, columns: number): Tile {
  return rows.expandDims(1).mul(columns).add(arange(columns).expandDims(0));
}

/** A whole row-major matrix, [rows, columns]. */
export function loadMatrix(pointer: InputPointer, rows: number, columns: number): Tile {
  return pointer.load(rowOffsets(arange(rows), columns));
}

/** A vector as one row, [1, columns]. */
export function loadRow(pointer: InputPointer, columns: number): Tile {
  return pointer.load(arange(columns)).expandDims(0);
}
