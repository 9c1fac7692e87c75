import { tileProgram } from '../emit/tile-program.js';
import { full, programId } from '../language/create.js';
import { input, type Kernel, kernel, output } from '../language/kernel.js';
import type { TileProgram } from '../program.js';
import { addColumns, noSums, storeSums } from './column-sums.js';
import { layerNorm, layerNormGradient } from './layer-norm.js';
import { loadRow } from './matrix.js';
import {
  checkTileSize,
  checkTiling,
  eachRowTile,
  programNumber,
  type RowTiling,
  rowGrid,
} from './row-tiles.js';
import { checkSettings } from './settings.js';

/** What a kernel of sums of normalised tokens is made for. */
export interface NormSumsConfig extends Omit<RowTiling, 'rows' | 'samples'> {
  /** B, samples. */
  readonly batch: number;
  /** N, tokens of a sample. */
  readonly length: number;
  /** d, features of a token: a power of two. */
  readonly width: number;
  /** Of the layer norm. Default 1e-5. */
  readonly epsilon?: number;
  /** How tokens are stored, and what is summed: float32 as TF32. Default bfloat16. */
  readonly dtype?: 'bfloat16' | 'float32';
}

function checkNormSums(caller: string, config: NormSumsConfig) {
  const { batch, length, width, epsilon = 1e-5, dtype = 'bfloat16' } = config;
  checkTileSize(caller, 'width', width);
  checkSettings(caller, { epsilon, dtype });
  const tiling = checkTiling(caller, { tilesPerProgram: 4, ...config, rows: length, samples: batch });
  return { ...tiling, width, epsilon, dtype };
}

/**
 * s_b = sum_i mask_bi n(x_bi) with n(x) = (x - mean) / sqrt(var + epsilon): a layer norm before its own weights, summed over the
 * tokens of each sample. Weights follow the sum, gamma s + beta sum_i mask_i, which is much less than for each token.
 *
 * | array | type | shape |
 * |---|---|---|
 * | x | `dtype` | [B, N, d] |
 * | mask | float32 | [B, N] |
 * | parts | float32 | [B, programs, d]: each program's part of the sums over tokens |
 */
export function normSums(config: NormSumsConfig): Kernel<NormSumsSignature> {
  const of = checkNormSums('normSums', config);
  const { width, epsilon, dtype } = of;
  return kernel('norm_sums', signature(dtype), ({ x, mask, parts }) => {
    const [gamma, beta] = [full([1, width], 1), full([1, width], 0)];
    const sums = eachRowTile(of, { normal: noSums(width) }, (tile, { normal }) => {
      const { normalised } = layerNorm(tile.load(x, width), gamma, beta, epsilon);
      return { normal: addColumns(normal, normalised.mul(tile.loadColumn(mask)), dtype) };
    });
    storeSums(parts.plus(programNumber(of).mul(width)), sums.normal, width);
  });
}

function signature(dtype: 'bfloat16' | 'float32') {
  return { x: input(dtype), mask: input('float32'), parts: output('float32') };
}

/** The arrays of {@link normSums}. */
export type NormSumsSignature = ReturnType<typeof signature>;

/**
 * The gradient of {@link normSums}, by recomputation.
 *
 * | array | type | shape |
 * |---|---|---|
 * | x, mask | | as in `normSums` |
 * | dsums | float32 | [B, d]: the gradient of s |
 * | dx | `dtype` | [B, N, d] |
 */
export function normSumsGradient(config: NormSumsConfig): Kernel<NormSumsGradientSignature> {
  const of = checkNormSums('normSumsGradient', config);
  const { width, epsilon, dtype } = of;
  return kernel('norm_sums_gradient', gradientSignature(dtype), ({ x, mask, dsums, dx }) => {
    const [gamma, beta] = [full([1, width], 1), full([1, width], 0)];
    const dSum = loadRow(dsums.plus(programId(1).mul(width)), width); // [1, d]
    eachRowTile(of, [], (tile) => {
      const norm = layerNorm(tile.load(x, width), gamma, beta, epsilon);
      const dNormal = tile.loadColumn(mask).mul(dSum); // [rows, d]
      tile.store(dx, layerNormGradient(dNormal, norm, gamma));
      return [];
    });
  });
}

function gradientSignature(dtype: 'bfloat16' | 'float32') {
  return { x: input(dtype), mask: input('float32'), dsums: input('float32'), dx: output(dtype) };
}

/** The arrays of {@link normSumsGradient}. */
export type NormSumsGradientSignature = ReturnType<typeof gradientSignature>;

/** {@link normSums} with its launch. */
export function normSumsProgram(config: NormSumsConfig): TileProgram {
  const of = checkNormSums('normSumsProgram', config);
  const { samples, rows, width } = of;
  const grid = rowGrid(of);
  const shapes = { x: [samples, rows, width], mask: [samples, rows], parts: [samples, grid[0], width] };
  return tileProgram(normSums(config), { grid, shapes });
}

/** {@link normSumsGradient} with its launch. */
export function normSumsGradientProgram(config: NormSumsConfig): TileProgram {
  const of = checkNormSums('normSumsGradientProgram', config);
  const { samples, rows, width } = of;
  const tokens = [samples, rows, width];
  const shapes = { x: tokens, mask: [samples, rows], dsums: [samples, width], dx: tokens };
  return tileProgram(normSumsGradient(config), { grid: rowGrid(of), shapes });
}
