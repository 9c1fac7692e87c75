import { type Launch, tileProgram } from '../emit/tile-program.js';
import { programId, zeros } from '../language/create.js';
import { dot } from '../language/dot.js';
import { input, type Kernel, kernel, output, type Pointers } from '../language/kernel.js';
import type { Tile } from '../language/tile.js';
import type { TileProgram } from '../program.js';
import { addColumns, noSums, storeSums } from './column-sums.js';
import { dropout, loadKey } from './dropout.js';
import { layerNorm } from './layer-norm.js';
import { loadBlock, loadRow } from './matrix.js';
import {
  checkColumns,
  checkRate,
  checkTiling,
  eachRowTile,
  programNumber,
  type RowTiling,
  rowGrid,
} from './row-tiles.js';

/** What a Primal-Attention kernel is made for. */
export interface PrimalConfig extends Omit<RowTiling, 'rows' | 'samples'> {
  /** B, samples. */
  readonly batch: number;
  /** N, tokens of a sample. */
  readonly length: number;
  /** d, features of a token: a power of two. */
  readonly width: number;
  /** H; the p = d / H features of a head are a power of two, 16 or more. */
  readonly heads: number;
  /** s, singular directions of a head. */
  readonly rank: number;
  /** Sets padded positions to 0 before the output's bias. Default false. */
  readonly maskOutput?: boolean;
  /** Of the output's dropout. Default 0. */
  readonly rate?: number;
  /** Of the layer norm. Default 1e-5. */
  readonly epsilon?: number;
  /** How tokens and matrices are stored, and multiplied: float32 as TF32. Default bfloat16. */
  readonly dtype?: 'bfloat16' | 'float32';
}

interface FullPrimalConfig extends Required<RowTiling> {
  readonly width: number;
  readonly heads: number;
  readonly headSize: number;
  readonly rank: number;
  /** The rank, padded to what a product takes. */
  readonly columns: number;
  readonly maskOutput: boolean;
  readonly rate: number;
  readonly epsilon: number;
  readonly dtype: 'bfloat16' | 'float32';
}

function checkPrimal(caller: string, config: PrimalConfig): FullPrimalConfig {
  const { batch, length, width, heads, rank, maskOutput = false } = config;
  const { rate = 0, epsilon = 1e-5, dtype = 'bfloat16' } = config;
  for (const [name, n] of Object.entries({ batch, length, heads, rank })) {
    if (!Number.isInteger(n) || n < 1) throw new Error(`${caller}: ${name} must be 1 or more, got ${n}`);
  }
  checkColumns(caller, 'width', width);
  checkColumns(caller, 'width / heads', width / heads);
  checkRate(caller, rate);
  return {
    ...checkTiling(caller, { ...config, rows: length, samples: batch }),
    width,
    heads,
    headSize: width / heads,
    rank,
    columns: Math.max(16, 2 ** Math.ceil(Math.log2(rank))),
    maskOutput,
    rate,
    epsilon,
    dtype,
  };
}

/** torch's epsilon for unit vectors, 1e-12, squared. */
const smallestSquare = 1e-24;

/**
 * y = x + drop(mask (sum_h C_h^T [e_h ; r_h] + c) + b) of each token, with h = LN(x), e_h = A_e^T phi(W_q^T h + b_q),
 * r_h = A_r^T phi(W_k^T h + b_k) and phi(z) = z / max(||z||, 1e-12): layer norm, Primal-Attention, dropout and residual in one
 * pass (equation 9). Also the sums of e^2 and r^2 over the tokens, of which the objective J is made.
 *
 * | array | type | shape |
 * |---|---|---|
 * | x, y | `dtype` | [B, N, d] |
 * | gamma, beta | float32 | [d] |
 * | wq, wk | `dtype` | [d, d], heads side by side |
 * | bq, bk | float32 | [d] |
 * | ae, ar | `dtype` | [H, B, p, s]: W_{e\|X} and W_{r\|X} |
 * | combine | `dtype` | [2 H s, d]: W_c W_out[h] of e for each head, then of r |
 * | inner | float32 | [d]: what the combining map's bias becomes behind the output map, c |
 * | bias | float32 | [d]: the output map's own, b |
 * | mask | float32 | [B, N]; read with `maskOutput` alone |
 * | key | int32 | [2]; not read at rate 0 |
 * | squares | float32 | [B, programs, 2 H s]: each program's part of the sums over tokens |
 *
 * The two output maps are one matrix, as in the plain formulation for few heads. An element's place in [B, N, d] decides
 * whether it is dropped, as in `dropout` of @primal-attention/runtime. Padded tokens count in the sums, as in the official code.
 */
export function primal(config: PrimalConfig): Kernel<PrimalSignature> {
  const full = checkPrimal('primal', config);
  const { width, heads, rank, columns, maskOutput, rate, epsilon, dtype } = full;
  const groups = 2 * heads;
  return kernel('primal', primalSignature(dtype), (arrays) => {
    const [gamma, beta, inner, bias] = [arrays.gamma, arrays.beta, arrays.inner, arrays.bias].map((vector) =>
      loadRow(vector, width),
    );
    const key = rate === 0 ? undefined : loadKey(arrays.key, 0);
    const start = Array.from({ length: groups }, () => noSums(columns));
    const squares = eachRowTile(full, start, (tile, sums) => {
      const x = tile.load(arrays.x, width); // [rows, d]
      const h = layerNorm(x, gamma, beta, epsilon).result.cast(dtype);
      let o = zeros([full.rowsPerTile, width]);
      const next = sums.map((sum, group) => {
        const weights = groupWeights(full, arrays, group);
        const scores = dot(
          unitVectors(dot(h, weights.map).add(weights.bias)).cast(dtype),
          weights.projection,
        ); // [rows, s]
        o = dot(scores.cast(dtype), weights.combine, { accumulator: o });
        return addColumns(sum, tile.zeroOutside(scores.mul(scores)), dtype);
      });
      o = o.add(inner);
      if (maskOutput) o = o.mul(tile.loadColumn(arrays.mask));
      o = o.add(bias);
      tile.store(arrays.y, x.add(dropout(o, rate, key, tile.offsets(width))));
      return next;
    });
    for (const [group, sums] of squares.entries()) {
      const row = arrays.squares.plus(programNumber(full).mul(groups * rank)).plus(group * rank);
      storeSums(row, sums, rank);
    }
  });
}

/** z / max(||z||, 1e-12) of each row. */
function unitVectors(z: Tile): Tile {
  return z.mul(z.mul(z).sum(1, true).maximum(smallestSquare).rsqrt());
}

/** What makes the scores of one head, of queries for the first H groups, of keys for the others. */
function groupWeights(
  { width, heads, headSize, rank, columns, samples }: FullPrimalConfig,
  arrays: Pointers<PrimalSignature>,
  group: number,
): { map: Tile; bias: Tile; projection: Tile; combine: Tile } {
  const head = group % heads;
  const [map, bias, projection] =
    group < heads ? [arrays.wq, arrays.bq, arrays.ae] : [arrays.wk, arrays.bk, arrays.ar];
  const ofSample = programId(1).mul(headSize * rank);
  return {
    map: loadBlock(map.plus(head * headSize), [width, headSize], { stride: width }),
    bias: loadRow(bias.plus(head * headSize), headSize),
    projection: loadBlock(
      projection.plus(head * samples * headSize * rank).plus(ofSample),
      [headSize, columns],
      { stride: rank, columns: rank },
    ),
    combine: loadBlock(arrays.combine.plus(group * rank * width), [columns, width], {
      stride: width,
      rows: rank,
    }),
  };
}

function primalSignature(dtype: 'bfloat16' | 'float32') {
  return {
    x: input(dtype),
    gamma: input('float32'),
    beta: input('float32'),
    wq: input(dtype),
    bq: input('float32'),
    wk: input(dtype),
    bk: input('float32'),
    ae: input(dtype),
    ar: input(dtype),
    combine: input(dtype),
    inner: input('float32'),
    bias: input('float32'),
    mask: input('float32'),
    key: input('int32'),
    y: output(dtype),
    squares: output('float32'),
  };
}

/** The arrays of {@link primal}. */
export type PrimalSignature = ReturnType<typeof primalSignature>;

/** {@link primal} with its launch. */
export function primalProgram(
  config: PrimalConfig,
  launch: Pick<Launch, 'numWarps' | 'numStages'> = {},
): TileProgram {
  const full = checkPrimal('primalProgram', config);
  const { rows, samples, width, heads, headSize, rank } = full;
  const grid = rowGrid(full);
  return tileProgram(primal(config), {
    ...launch,
    grid,
    shapes: {
      x: [samples, rows, width],
      gamma: [width],
      beta: [width],
      wq: [width, width],
      bq: [width],
      wk: [width, width],
      bk: [width],
      ae: [heads, samples, headSize, rank],
      ar: [heads, samples, headSize, rank],
      combine: [2 * heads * rank, width],
      inner: [width],
      bias: [width],
      mask: [samples, rows],
      key: [2],
      y: [samples, rows, width],
      squares: [samples, grid[0], 2 * heads * rank],
    },
  });
}
