import { arange, programId } from '../language/create.js';
import { loop } from '../language/loop.js';
import type { InputPointer, OutputPointer } from '../language/pointer.js';
import { isPowerOfTwo } from '../language/shape.js';
import type { Tile } from '../language/tile.js';
import { rowOffsets } from './matrix.js';

/** How the rows of a matrix are shared out: each program takes a few tiles of rows, one after the other. */
export interface RowTiling {
  /** Rows of the whole matrix: tokens of all samples. */
  readonly rows: number;
  /** Rows that one step works on: a power of two, 16 or more. Default 64. */
  readonly rowsPerTile?: number;
  /** Steps of one program, which loads the weights once. Default 8. */
  readonly tilesPerProgram?: number;
}

/** The rows of one step. */
export class RowTile {
  /** Row numbers, int32 [rowsPerTile]. */
  readonly rows: Tile;
  readonly #count: number;
  readonly #isWhole: boolean;

  constructor({ rows: count, rowsPerTile, tilesPerProgram }: Required<RowTiling>, step: Tile) {
    this.rows = programId().mul(tilesPerProgram).add(step).mul(rowsPerTile).add(arange(rowsPerTile));
    this.#count = count;
    this.#isWhole = count % (rowsPerTile * tilesPerProgram) === 0;
  }

  /** Where these rows' elements are in a row-major matrix, int32 [rowsPerTile, columns]. */
  offsets(columns: number): Tile {
    return rowOffsets(this.rows, columns);
  }

  /** Which rows there are, bool [rowsPerTile]; nothing where all of them are. */
  get inside(): Tile | undefined {
    return this.#isWhole ? undefined : this.rows.less(this.#count);
  }

  /** These rows of a matrix, 0 beyond its end, as float32 [rowsPerTile, columns]. */
  load(pointer: InputPointer, columns: number): Tile {
    return pointer.load(this.offsets(columns), { mask: this.inside?.expandDims(1) }).cast('float32');
  }

  /** Writes these rows, as many as there are. @param values float32 [rowsPerTile, columns] */
  store(pointer: OutputPointer, values: Tile): void {
    const mask = this.inside?.expandDims(1);
    pointer.store(this.offsets(values.shape[1]), values.cast(pointer.dtype), { mask });
  }
}

/** Fills in defaults. @throws Error when the rows cannot be shared out so */
export function checkTiling(caller: string, tiling: RowTiling): Required<RowTiling> {
  const { rows, rowsPerTile = 64, tilesPerProgram = 8 } = tiling;
  for (const [name, n] of Object.entries({ rows, tilesPerProgram })) {
    if (!Number.isInteger(n) || n < 1) throw new Error(`${caller}: ${name} must be 1 or more, got ${n}`);
  }
  if (!isPowerOfTwo(rowsPerTile) || rowsPerTile < 16) {
    throw new Error(`${caller}: rowsPerTile must be a power of two of 16 or more, got ${rowsPerTile}`);
  }
  return { rows, rowsPerTile, tilesPerProgram };
}

/** Programs that take all rows. */
export function programsFor({ rows, rowsPerTile, tilesPerProgram }: Required<RowTiling>): number {
  return Math.ceil(rows / (rowsPerTile * tilesPerProgram));
}

/** Runs `body` for each tile of this program's rows. */
export function eachRowTile(tiling: Required<RowTiling>, body: (tile: RowTile) => void): void {
  loop(tiling.tilesPerProgram, (step) => body(new RowTile(tiling, step)));
}

/** @throws Error when no tile can hold all columns and multiply them */
export function checkColumns(caller: string, name: string, columns: number): void {
  if (!isPowerOfTwo(columns) || columns < 16) {
    throw new Error(`${caller}: ${name} must be a power of two of 16 or more, got ${columns}`);
  }
}
