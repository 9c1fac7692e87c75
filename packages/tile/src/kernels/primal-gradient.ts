import { type Launch, tileProgram } from '../emit/tile-program.js';
import { arange, programId, zeros } from '../language/create.js';
import { dot } from '../language/dot.js';
import { input, type Kernel, kernel, output, type Pointers } from '../language/kernel.js';
import type { Operand, Tile } from '../language/tile.js';
import type { TileProgram } from '../program.js';
import { addColumns, noSums, storeSums } from './column-sums.js';
import { loadKey, rowDropout } from './dropout.js';
import { layerNorm, layerNormGradient, type Normalised } from './layer-norm.js';
import { loadMatrix, loadRow, rowOffsets, storeMatrix } from './matrix.js';
import {
  checkPrimal,
  type FullPrimalConfig,
  type HeadWeights,
  loadHead,
  type PrimalConfig,
  primalInputs,
  primalShapes,
  type Side,
  sideNumber,
  times,
  unitVectors,
} from './primal-parts.js';
import { type RowLayout, rowLayout } from './row-layout.js';
import { checkCounts, eachRowTile, programNumber, type RowTile, rowGrid } from './row-tiles.js';

/*
 * The gradient of `primal`, by recomputation. With do = mask drop(dy) and g = the gradient of the sums of squares:
 *
 *     ds = C_h do + 2 g s                      s = e_h or r_h
 *     du = A ds                                u = phi(z)
 *     dz = (du - u (u . du)) / ||z||
 *     dh = sum over heads, queries and keys of W dz, and through the layer norm to dx
 *
 * One kernel would have to hold the sums of all weights' gradients beside that, more than a program's registers. So there are
 * two: one for the matrices, with a program for each head of the queries and of the keys, which writes dz; and one that makes dx
 * and the vectors' gradients of it.
 */

/** What the first kernel reads. */
function gradientInputs(dtype: 'bfloat16' | 'float32') {
  return { ...primalInputs(dtype), dy: input(dtype), dsquares: input('float32') };
}

type GradientInputs = ReturnType<typeof gradientInputs>;

function gradientShapes(full: FullPrimalConfig) {
  const { samples, rows, width, heads, rank } = full;
  return { ...primalShapes(full), dy: [samples, rows, width], dsquares: [samples, 2 * heads * rank] };
}

/** What a tile's rows have in common for all heads. */
interface Rows {
  readonly norm: Normalised;
  /** LN(x), [rows, d]. */
  readonly h: Tile;
  /** float32 [rows, d]. */
  readonly dy: Tile;
  /** Behind the dropout, float32 [rows, d]. */
  readonly dropped: Tile;
  /** And behind the mask, [rows, d]. */
  readonly dOutput: Tile;
}

/** Of each tile, what its rows have in common. */
function rowsOf(
  full: FullPrimalConfig,
  arrays: Pick<Pointers<GradientInputs>, 'x' | 'gamma' | 'beta' | 'mask' | 'key' | 'dy'>,
): (tile: RowTile) => Rows {
  const { width, rate, epsilon, dtype, maskOutput } = full;
  const [gamma, beta] = [loadRow(arrays.gamma, width), loadRow(arrays.beta, width)];
  const drop = rowDropout(full, rate === 0 ? undefined : loadKey(arrays.key, 0), width);
  return (tile) => {
    const norm = layerNorm(tile.load(arrays.x, width), gamma, beta, epsilon);
    const dy = tile.load(arrays.dy, width);
    const dropped = drop(tile)(dy);
    const masked = maskOutput ? dropped.mul(tile.loadColumn(arrays.mask)) : dropped;
    return { norm, h: norm.result.cast(dtype), dy, dropped, dOutput: masked.cast(dtype) };
  };
}

/** The gradient of one head's scores, and of z. */
function headGradient(
  full: FullPrimalConfig,
  arrays: Pointers<GradientInputs>,
  { tile, rows: { h, dOutput } }: { tile: RowTile; rows: Rows },
  { weights, side, head }: { weights: HeadWeights; side: Side; head: Operand },
): { unit: Tile; scores: Tile; dScores: Tile; dz: Tile } {
  const { heads, rank, columns, dtype } = full;
  const { unit, scale } = unitVectors(dot(h, weights.map).add(weights.bias)); // [rows, p]
  const inDtype = unit.cast(dtype);
  const scores = dot(inDtype, weights.projection); // [rows, s]
  const column = arange(columns);
  const dSquares = arrays.dsquares
    .plus(programId(1).mul(2 * heads * rank))
    .plus(times(sideNumber(side), heads * rank))
    .plus(times(head, rank))
    .load(column, { mask: column.less(rank) })
    .expandDims(0); // [1, s]
  const ofOutput = dot(dOutput, weights.combine.transpose());
  // Rows beyond the end have scores, too.
  const dScores = tile.zeroOutside(ofOutput.add(scores.mul(2).mul(dSquares))).cast(dtype); // [rows, s]
  const dUnit = dot(dScores, weights.projection.transpose()); // [rows, p]
  const dz = dUnit
    .sub(unit.mul(dUnit.mul(unit).sum(1, true)))
    .mul(scale)
    .cast(dtype);
  return { unit: inDtype, scores: scores.cast(dtype), dScores, dz };
}

/**
 * The gradient of `primal`, first part: dz, and each program's part of the gradients of the matrices. The grid's third axis are the
 * heads of the queries, then those of the keys.
 *
 * | array | type | shape |
 * |---|---|---|
 * | x, gamma, beta, wq, bq, wk, bk, projections, combine, mask, key | | as in `primal` |
 * | dy | `dtype` | [B, N, d] |
 * | dsquares | float32 | [B, 2 H s]: the gradient of the sums over tokens |
 * | dz | `dtype` | [2, B, N, d]: by W_q^T h + b_q, and by W_k^T h + b_k |
 * | parts | float32 | [B programs, size]: a row of {@link primalWeightGradientLayout} for the programs of all heads together |
 * | dprojections | float32 | [H, B, programs, p, 2 s]: of A_e and A_r, which are each sample's own |
 */
export function primalWeightGradient(config: PrimalConfig): Kernel<PrimalWeightGradientSignature> {
  const full = checkPrimal('primalWeightGradient', config);
  const { width, heads, headSize, rank, columns, dtype, samples } = full;
  return kernel('primal_weight_gradient', weightSignature(dtype), (arrays) => {
    const group = programId(2);
    const [side, head] = [group.div(heads), group.rem(heads)];
    const start = {
      map: zeros([width, headSize]),
      bias: noSums(headSize),
      projection: zeros([headSize, columns]),
      combine: zeros([columns, width]),
    };
    const rowsOfTile = rowsOf(full, arrays);
    const weights = loadHead(full, arrays, side, head);
    const dzOfHead = arrays.dz.plus(side.mul(samples * full.rows * width)).plus(head.mul(headSize));
    const sums = eachRowTile(full, start, (tile, sums) => {
      const rows = rowsOfTile(tile);
      const { unit, scores, dScores, dz } = headGradient(
        full,
        arrays,
        { tile, rows },
        { weights, side, head },
      );
      dzOfHead.store(rowOffsets(tile.rows, headSize, width), dz, { mask: tile.inside });
      return {
        map: dot(rows.h.transpose(), dz, { accumulator: sums.map }),
        bias: addColumns(sums.bias, dz, dtype),
        projection: dot(unit.transpose(), dScores, { accumulator: sums.projection }),
        combine: dot(scores.transpose(), rows.dOutput, { accumulator: sums.combine }),
      };
    });
    const { size, places } = primalWeightGradientLayout(full);
    const number = programNumber(full);
    const row = arrays.parts.plus(number.mul(size));
    // Those of the keys follow those of the queries.
    const maps = row.plus(places.wq.offset).plus(side.mul(width * width));
    storeMatrix(maps.plus(head.mul(headSize)), sums.map, { stride: width });
    storeSums(row.plus(places.bq.offset).plus(group.mul(headSize)), sums.bias, headSize);
    storeMatrix(row.plus(places.combine.offset).plus(group.mul(rank * width)), sums.combine, { rows: rank });
    const all = head.mul(samples * rowGrid(full)[0]).add(number);
    const both = arrays.dprojections.plus(all.mul(headSize * 2 * rank));
    storeMatrix(both.plus(side.mul(rank)), sums.projection, { columns: rank, stride: 2 * rank });
  });
}

/** What a row of `parts` of {@link primalWeightGradient} holds: the gradients of the maps, their biases, and `combine`. */
export function primalWeightGradientLayout({
  width,
  heads,
  rank,
}: Pick<PrimalConfig, 'width' | 'heads' | 'rank'>): RowLayout<'wq' | 'wk' | 'bq' | 'bk' | 'combine'> {
  const map = [width, width];
  return rowLayout({ wq: map, wk: map, bq: [width], bk: [width], combine: [2 * heads * rank, width] });
}

function weightSignature(dtype: 'bfloat16' | 'float32') {
  return {
    ...gradientInputs(dtype),
    dz: output(dtype),
    parts: output('float32'),
    dprojections: output('float32'),
  };
}

/** The arrays of {@link primalWeightGradient}. */
export type PrimalWeightGradientSignature = ReturnType<typeof weightSignature>;

/** {@link primalWeightGradient} with its launch. */
export function primalWeightGradientProgram(
  config: PrimalConfig,
  launch: Pick<Launch, 'numWarps' | 'numStages'> = {},
): TileProgram {
  const full = checkPrimal('primalWeightGradientProgram', config);
  const { samples, rows, width, heads, headSize, rank } = full;
  const [programs] = rowGrid(full);
  return tileProgram(primalWeightGradient(config), {
    ...launch,
    grid: [programs, samples, 2 * heads],
    shapes: {
      ...gradientShapes(full),
      dz: [2, samples, rows, width],
      parts: [samples * programs, primalWeightGradientLayout(full).size],
      dprojections: [heads, samples, programs, headSize, 2 * rank],
    },
  });
}

/** What {@link primalGradient} is made for. */
export interface PrimalGradientConfig extends PrimalConfig {
  /** n, rows of LN(x) that A_e and A_r are made of, in each sample. */
  readonly landmarks: number;
}

/**
 * The gradient of `primal`, second part: dx, and each program's part of the gradients of the vectors.
 *
 * A_e and A_r are made of some rows of LN(x). What comes from there is added here to what the other paths give LN(x): a row that
 * stands by itself would need its own gradient of a layer norm, and a pass over dx to be added.
 *
 * | array | type | shape |
 * |---|---|---|
 * | x, gamma, beta, wq, wk, mask, key | | as in `primal` |
 * | dy, dx | `dtype` | [B, N, d] |
 * | dz | `dtype` | [2, B, N, d]: what {@link primalWeightGradient} wrote |
 * | places | int32 | [N]: of each token the number of its row in drows; -1 where it has none |
 * | drows | `dtype` | [B, n, d]: the gradient of rows of LN(x), each of another token |
 * | parts | float32 | [B programs, size]: a row of {@link primalGradientLayout} for each program |
 */
export function primalGradient(config: PrimalGradientConfig): Kernel<PrimalGradientSignature> {
  const { landmarks, ...full } = checkPrimalGradient('primalGradient', config);
  const { width, dtype, samples, rows } = full;
  return kernel('primal_gradient', gradientSignature(dtype), (arrays) => {
    const none = noSums(width);
    const start = { gamma: none, beta: none, inner: none, bias: none };
    const rowsOfTile = rowsOf(full, arrays);
    const gamma = loadRow(arrays.gamma, width);
    const [wq, wk] = [arrays.wq, arrays.wk].map((map) =>
      loadMatrix(map, width, width).cast(dtype).transpose(),
    );
    const sums = eachRowTile(full, start, (tile, sums) => {
      const { norm, dy, dropped, dOutput } = rowsOfTile(tile);
      const [dzq, dzk] = [0, samples * rows * width].map((first) =>
        tile.load(arrays.dz.plus(first), width).cast(dtype),
      );
      const dRows = tile.loadPlaced(arrays.drows, [landmarks, width], arrays.places);
      const dh = dot(dzk, wk, { accumulator: dot(dzq, wq) }).add(dRows); // [rows, d]
      tile.store(arrays.dx, dy.add(layerNormGradient(dh, norm, gamma)));
      return {
        gamma: addColumns(sums.gamma, dh.mul(norm.normalised), dtype),
        beta: addColumns(sums.beta, dh, dtype),
        inner: addColumns(sums.inner, dOutput, dtype),
        bias: addColumns(sums.bias, dropped, dtype),
      };
    });
    const { size, places } = primalGradientLayout(full);
    const row = arrays.parts.plus(programNumber(full).mul(size));
    for (const name of ['gamma', 'beta', 'inner', 'bias'] as const) {
      storeSums(row.plus(places[name].offset), sums[name], width);
    }
  });
}

/** What a row of `parts` of {@link primalGradient} holds: the gradients of the vectors. */
export function primalGradientLayout({
  width,
}: Pick<PrimalConfig, 'width'>): RowLayout<'gamma' | 'beta' | 'inner' | 'bias'> {
  return rowLayout({ gamma: [width], beta: [width], inner: [width], bias: [width] });
}

function gradientSignature(dtype: 'bfloat16' | 'float32') {
  const { x, gamma, beta, wq, wk, mask, key, dy } = gradientInputs(dtype);
  const rows = { places: input('int32'), drows: input(dtype) };
  const inputs = { x, gamma, beta, wq, wk, mask, key, dy, dz: input(dtype), ...rows };
  return { ...inputs, dx: output(dtype), parts: output('float32') };
}

/** The arrays of {@link primalGradient}. */
export type PrimalGradientSignature = ReturnType<typeof gradientSignature>;

/** {@link primalGradient} with its launch. */
export function primalGradientProgram(
  config: PrimalGradientConfig,
  launch: Pick<Launch, 'numWarps' | 'numStages'> = {},
): TileProgram {
  const { landmarks, ...full } = checkPrimalGradient('primalGradientProgram', config);
  const { samples, rows, width } = full;
  const grid = rowGrid(full);
  const { x, gamma, beta, wq, wk, mask, key, dy } = gradientShapes(full);
  return tileProgram(primalGradient(config), {
    ...launch,
    grid,
    shapes: {
      ...{ x, gamma, beta, wq, wk, mask, key, dy, dz: [2, ...dy], dx: dy },
      ...{ places: [rows], drows: [samples, landmarks, width] },
      parts: [samples * grid[0], primalGradientLayout(full).size],
    },
  });
}

/** Fills in defaults. @throws Error when there is no kernel for it */
function checkPrimalGradient(
  caller: string,
  { landmarks, ...config }: PrimalGradientConfig,
): FullPrimalConfig & Pick<PrimalGradientConfig, 'landmarks'> {
  checkCounts(caller, { landmarks });
  return { ...checkPrimal(caller, config), landmarks };
}
