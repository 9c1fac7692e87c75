import { arange, programId } from '../language/create.js';
import { type Carried, loop } from '../language/loop.js';
import type { InputPointer, OutputPointer } from '../language/pointer.js';
import { isPowerOfTwo } from '../language/shape.js';
import type { Tile } from '../language/tile.js';
import { where } from '../language/where.js';
import { rowOffsets } from './matrix.js';

/** How the rows of a matrix are shared out: each program takes a few tiles of rows, one after the other. */
export interface RowTiling {
  /** Rows that belong together: tokens of a sample, or of all samples where they need not be told apart. */
  readonly rows: number;
  /** How often there are so many rows, one after the other; the grid's second axis. Default 1. */
  readonly samples?: number;
  /** Rows that one step works on: a power of two, 16 or more. Default 64. */
  readonly rowsPerTile?: number;
  /** Steps of one program. Default 8. */
  readonly tilesPerProgram?: number;
}

/** The rows of one step. */
export class RowTile {
  /** Row numbers in the whole matrix, int32 [rowsPerTile]. */
  readonly rows: Tile;
  /** Row numbers in the sample, int32 [rowsPerTile]. */
  readonly #local: Tile;
  /** Which rows there are, bool [rowsPerTile, 1]; nothing where all of them are. */
  readonly inside: Tile | undefined;

  constructor(tiling: Required<RowTiling>, step: Tile) {
    const { rows, samples, rowsPerTile, tilesPerProgram } = tiling;
    const local = programId(0).mul(tilesPerProgram).add(step).mul(rowsPerTile).add(arange(rowsPerTile));
    this.#local = local;
    this.rows = samples === 1 ? local : programId(1).mul(rows).add(local);
    const areWhole = rows % (rowsPerTile * tilesPerProgram) === 0;
    this.inside = areWhole ? undefined : local.less(rows).expandDims(1);
  }

  /** Where these rows' elements are in a row-major matrix, int32 [rowsPerTile, columns]. */
  offsets(columns: number): Tile {
    return rowOffsets(this.rows, columns);
  }

  /** These rows of a matrix, 0 beyond its end, as float32 [rowsPerTile, columns]. */
  load(pointer: InputPointer, columns: number): Tile {
    return pointer.load(this.offsets(columns), { mask: this.inside }).cast('float32');
  }

  /** One number of each row, 0 beyond the end, as float32 [rowsPerTile, 1]. */
  loadColumn(pointer: InputPointer): Tile {
    return pointer.load(this.rows.expandDims(1), { mask: this.inside }).cast('float32');
  }

  /**
   * The rows of another matrix that belong to these, 0 where there is none, as float32 [rowsPerTile, columns].
   *
   * @param pointer [samples, count, columns]
   * @param places the number of each row's own in it, or -1, int32 [rows]; for all samples the same
   */
  loadPlaced(pointer: InputPointer, [count, columns]: readonly [number, number], places: InputPointer): Tile {
    const local = this.#local.expandDims(1);
    const place = places.load(local, this.inside === undefined ? {} : { mask: this.inside, other: -1 });
    const row = programId(1).mul(count).add(place); // [rowsPerTile, 1]
    const at = row.mul(columns).add(arange(columns).expandDims(0));
    return pointer.load(at, { mask: place.greaterEqual(0) }).cast('float32');
  }

  /** Writes these rows, as many as there are. @param values float32 [rowsPerTile, columns] */
  store(pointer: OutputPointer, values: Tile): void {
    pointer.store(this.offsets(values.shape[1]), values.cast(pointer.dtype), { mask: this.inside });
  }

  /** The values, with 0 in rows that there are not. */
  zeroOutside(values: Tile): Tile {
    return this.inside === undefined ? values : where(this.inside, values, 0);
  }
}

/** Fills in defaults. @throws Error when the rows cannot be shared out so */
export function checkTiling(caller: string, tiling: RowTiling): Required<RowTiling> {
  const { rows, samples = 1, rowsPerTile = 64, tilesPerProgram = 8 } = tiling;
  checkCounts(caller, { rows, samples, tilesPerProgram });
  checkTileSize(caller, 'rowsPerTile', rowsPerTile);
  return { rows, samples, rowsPerTile, tilesPerProgram };
}

/** The grid whose programs take all rows of all samples. */
export function rowGrid({
  rows,
  samples,
  rowsPerTile,
  tilesPerProgram,
}: Required<RowTiling>): [number, number] {
  return [Math.ceil(rows / (rowsPerTile * tilesPerProgram)), samples];
}

/** The number of this program among all of {@link rowGrid}, int32: the first axis runs fastest. */
export function programNumber(tiling: Required<RowTiling>): Tile {
  return programId(1).mul(rowGrid(tiling)[0]).add(programId(0));
}

/** Runs `body` for each tile of this program's rows. */
export function eachRowTile<T extends Carried>(
  tiling: Required<RowTiling>,
  initial: T,
  body: (tile: RowTile, carried: T) => T,
): T {
  return loop(tiling.tilesPerProgram, initial, (step, carried) => body(new RowTile(tiling, step), carried));
}

/** Whether a tile can have so many rows or columns and be multiplied: a power of two, 16 or more. */
export function isTileSize(size: number): boolean {
  return isPowerOfTwo(size) && size >= 16;
}

/** The smallest {@link isTileSize} that is not less. */
export function tileSizeFor(size: number): number {
  return Math.max(16, 2 ** Math.ceil(Math.log2(size)));
}

/** @throws Error that names the first one that is no whole number of 1 or more */
export function checkCounts(caller: string, counts: Readonly<Record<string, number>>): void {
  for (const [name, n] of Object.entries(counts)) {
    if (!Number.isInteger(n) || n < 1) throw new Error(`${caller}: ${name} must be 1 or more, got ${n}`);
  }
}

/** @throws Error when no tile of that size can be multiplied */
export function checkTileSize(caller: string, name: string, size: number): void {
  if (!isTileSize(size)) {
    throw new Error(`${caller}: ${name} must be a power of two of 16 or more, got ${size}`);
  }
}
