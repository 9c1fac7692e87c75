import { programId } from '../language/create.js';
import { input, type Pointers } from '../language/kernel.js';
import type { Operand, Tile } from '../language/tile.js';
import { where } from '../language/where.js';
import type { DropoutDraw } from './dropout.js';
import { loadBlock, loadRow } from './matrix.js';
import { checkCounts, checkTileSize, checkTiling, type RowTiling, tileSizeFor } from './row-tiles.js';
import { checkSettings } from './settings.js';

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
  /** How dropout draws its mask. Default `elements`. */
  readonly draw?: DropoutDraw;
  /** Of the layer norm. Default 1e-5. */
  readonly epsilon?: number;
  /** How tokens are stored, and what is multiplied: float32 as TF32. Default bfloat16. */
  readonly dtype?: 'bfloat16' | 'float32';
}

/** A configuration with nothing left open. */
export interface FullPrimalConfig extends Required<RowTiling> {
  readonly width: number;
  readonly heads: number;
  readonly headSize: number;
  readonly rank: number;
  /** The rank, padded to what a product takes. */
  readonly columns: number;
  readonly maskOutput: boolean;
  readonly rate: number;
  readonly draw: DropoutDraw;
  readonly epsilon: number;
  readonly dtype: 'bfloat16' | 'float32';
}

/** Fills in defaults. @throws Error when there is no kernel for it */
export function checkPrimal(caller: string, config: PrimalConfig): FullPrimalConfig {
  const { batch, length, width, heads, rank, maskOutput = false } = config;
  const { rate = 0, draw = 'elements', epsilon = 1e-5, dtype = 'bfloat16' } = config;
  checkCounts(caller, { batch, length, heads, rank });
  checkTileSize(caller, 'width', width);
  checkTileSize(caller, 'width / heads', width / heads);
  checkSettings(caller, { rate, draw, epsilon, dtype });
  return {
    ...checkTiling(caller, { ...config, rows: length, samples: batch }),
    width,
    heads,
    headSize: width / heads,
    rank,
    columns: tileSizeFor(rank),
    maskOutput,
    rate,
    draw,
    epsilon,
    dtype,
  };
}

/** torch's epsilon for unit vectors, 1e-12, squared. */
const smallestSquare = 1e-24;

/** phi(z) = z / max(||z||, 1e-12) of each row, and what z was multiplied with, [rows, 1]. */
export function unitVectors(z: Tile): { unit: Tile; scale: Tile } {
  const scale = z.mul(z).sum(1, true).maximum(smallestSquare).rsqrt();
  return { unit: z.mul(scale), scale };
}

/** What makes the scores of one head, and what they become. */
export interface HeadWeights {
  /** W_q or W_k of the head, [d, p]. */
  readonly map: Tile;
  /** [1, p]. */
  readonly bias: Tile;
  /** A_e or A_r of the head and this program's sample, [p, columns], 0 beyond the rank. */
  readonly projection: Tile;
  /** C_h of e or r, [columns, d], 0 beyond the rank. */
  readonly combine: Tile;
}

/** Queries or keys: known when the kernel is written, or as an int32 scalar, 0 or 1, that may be different in each program. */
export type Side = 'query' | 'key' | Tile;

/** The number of a side. */
export function sideNumber(side: Side): Operand {
  if (typeof side !== 'string') return side;
  return side === 'query' ? 0 : 1;
}

/**
 * What one of two arrays gives.
 *
 * @param load reads one of them, if that is wanted
 */
function ofSide<T>(side: Side, [query, key]: readonly [T, T], load: (array: T, wanted?: Tile) => Tile): Tile {
  if (side === 'query') return load(query);
  if (side === 'key') return load(key);
  const isQuery = side.equal(0);
  return where(isQuery, load(query, isQuery), load(key, isQuery.not()));
}

/** Loads one head's weights. @param head its number, which may be different in each program */
export function loadHead(
  { width, heads, headSize, rank, columns, samples, dtype }: FullPrimalConfig,
  arrays: Pointers<PrimalInputs>,
  side: Side,
  head: Operand,
): HeadWeights {
  const { wq, wk, bq, bk, projections } = arrays;
  const size = headSize * 2 * rank;
  const first = times(head, headSize);
  return {
    map: ofSide(side, [wq, wk], (map, wanted) =>
      loadBlock(map.plus(first), [width, headSize], { stride: width, wanted }).cast(dtype),
    ),
    bias: ofSide(side, [bq, bk], (bias, wanted) => loadRow(bias.plus(first), headSize, wanted)),
    projection: loadBlock(
      projections
        .plus(times(head, samples * size))
        .plus(programId(1).mul(size))
        .plus(times(sideNumber(side), rank)),
      [headSize, columns],
      { stride: 2 * rank, columns: rank },
    ),
    combine: loadBlock(
      arrays.combine.plus(times(sideNumber(side), heads * rank * width)).plus(times(head, rank * width)),
      [columns, width],
      { stride: width, rows: rank },
    ),
  };
}

/** A head of the queries or of the keys. */
export interface Head {
  readonly side: 'query' | 'key';
  readonly head: number;
  readonly weights: HeadWeights;
}

/**
 * Loads the weights of all heads, of the queries, then of the keys. To be done before the loop over tokens: it stores at each step,
 * and would load at each step anew what is loaded in it.
 */
export function loadHeads(full: FullPrimalConfig, arrays: Pointers<PrimalInputs>): Head[] {
  return (['query', 'key'] as const).flatMap((side) =>
    Array.from({ length: full.heads }, (_, head) => ({
      side,
      head,
      weights: loadHead(full, arrays, side, head),
    })),
  );
}

/** A number of elements, known now or on the device. */
export function times(count: Operand, size: number): Operand {
  return typeof count === 'number' ? count * size : count.mul(size);
}

/** What the forward kernel and its gradients read. */
export function primalInputs(dtype: 'bfloat16' | 'float32') {
  return {
    x: input(dtype),
    gamma: input('float32'),
    beta: input('float32'),
    wq: input('float32'),
    bq: input('float32'),
    wk: input('float32'),
    bk: input('float32'),
    projections: input(dtype),
    combine: input(dtype),
    mask: input('float32'),
    key: input('int32'),
  };
}

type PrimalInputs = ReturnType<typeof primalInputs>;

/** The shapes of {@link primalInputs}. */
export function primalShapes({ rows, samples, width, heads, headSize, rank }: FullPrimalConfig) {
  return {
    x: [samples, rows, width],
    gamma: [width],
    beta: [width],
    wq: [width, width],
    bq: [width],
    wk: [width, width],
    bk: [width],
    projections: [heads, samples, headSize, 2 * rank],
    combine: [2 * heads * rank, width],
    mask: [samples, rows],
    key: [2],
  };
}
