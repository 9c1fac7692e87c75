import { type Launch, tileProgram } from '../emit/tile-program.js';
import { arange, programId, scalar, zeros } from '../language/create.js';
import { type Input, input, type Kernel, kernel, type Output, output } from '../language/kernel.js';
import { loop } from '../language/loop.js';
import type { OutputPointer } from '../language/pointer.js';
import { isPowerOfTwo, sizeOf } from '../language/shape.js';
import type { Tile } from '../language/tile.js';
import { where } from '../language/where.js';
import type { TileProgram } from '../program.js';
import { type Blocks, blocksOf, ofOwnArray } from './blocks.js';
import type { RowLayout, RowPlace } from './row-layout.js';
import { checkCounts, tileSizeFor } from './row-tiles.js';

/** What {@link sumRows} is made for. */
export interface SumRowsConfig<Name extends string = string> {
  /** How many rows there are. */
  readonly rows: number;
  /** What a row holds. */
  readonly layout: RowLayout<Name>;
  /** Elements of an array for one program, a power of two. Default 64. */
  readonly block?: number;
}

/** The arrays of {@link sumRows}. */
export type SumRowsSignature<Name extends string = string> = { readonly rows: Input<'float32'> } & Readonly<
  Record<Name, Output<'float32'>>
>;

/** Rows that are read at once. */
const mostRows = 128;

/**
 * The sums of arrays over rows that hold a part of each, as gradients' kernels write them: each sum is an array of its own, where a
 * sum of whole rows would have to be cut up.
 *
 * | array | type | shape |
 * |---|---|---|
 * | rows | float32 | [rows, size] |
 * | the layout's names | float32 | as the layout says |
 */
export function sumRows<Name extends string>(config: SumRowsConfig<Name>): Kernel<SumRowsSignature<Name>> {
  const { rows, layout, block, names, sizes, blocks } = checkSumRows('sumRows', config);
  const places = names.map((name) => layout.places[name]);
  const rowsPerTile = Math.min(mostRows, tileSizeFor(rows));
  return kernel('sum_rows', signatureOf(names), (arrays) => {
    const own = ofOwnArray(blocks, programId());
    const number = (of: readonly number[]): Tile => own<Tile>((i) => scalar(of[i], 'int32'), where);
    const at = programId().sub(number(blocks.starts)).mul(block).add(arange(block));
    const areWhole = sizes.every((size) => size % block === 0);
    const isInside = areWhole ? undefined : at.less(number(sizes));
    const from = arrays.rows.plus(number(places.map(({ offset }) => offset)));
    const sums = loop(Math.ceil(rows / rowsPerTile), zeros([rowsPerTile, block]), (step, sums) => {
      const row = step.mul(rowsPerTile).add(arange(rowsPerTile)).expandDims(1);
      const isRow = rows % rowsPerTile === 0 ? undefined : row.less(rows);
      const column = isInside?.expandDims(0);
      const mask = isRow !== undefined && column !== undefined ? isRow.and(column) : (isRow ?? column);
      return sums.add(from.load(row.mul(layout.size).add(at.expandDims(0)), { mask }));
    });
    own((i) => arrays[names[i]] as OutputPointer, where<OutputPointer>).store(at, sums.sum(0), {
      mask: isInside,
    });
  });
}

/** {@link sumRows} with its launch: results in the layout's order. */
export function sumRowsProgram<Name extends string>(
  config: SumRowsConfig<Name>,
  { numWarps = 8 }: Pick<Launch, 'numWarps'> = {},
): TileProgram {
  const { rows, layout, names, blocks } = checkSumRows('sumRowsProgram', config);
  return tileProgram(sumRows(config), {
    grid: blocks.programs,
    numWarps,
    shapes: {
      rows: [rows, layout.size],
      ...Object.fromEntries(names.map((name) => [name, layout.places[name].shape])),
    } as Launch<SumRowsSignature<Name>>['shapes'],
  });
}

function signatureOf<Name extends string>(names: readonly Name[]): SumRowsSignature<Name> {
  return {
    rows: input('float32'),
    ...Object.fromEntries(names.map((name) => [name, output('float32')])),
  } as SumRowsSignature<Name>;
}

/** @throws Error that says what of it is wrong */
function checkSumRows<Name extends string>(
  caller: string,
  { rows, layout, block = 64 }: SumRowsConfig<Name>,
): Required<SumRowsConfig<Name>> & { names: Name[]; sizes: number[]; blocks: Blocks } {
  checkCounts(caller, { rows });
  if (!isPowerOfTwo(block)) throw new Error(`${caller}: block must be a power of two, got ${block}`);
  const names = Object.keys(layout.places) as Name[];
  const sizes = Object.values<RowPlace>(layout.places).map(({ shape }) => sizeOf(shape));
  return { rows, layout, block, names, sizes, blocks: blocksOf(sizes, block) };
}
