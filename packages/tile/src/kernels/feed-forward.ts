import { type Launch, tileProgram } from '../emit/tile-program.js';
import { dot } from '../language/dot.js';
import { input, type Kernel, kernel, output } from '../language/kernel.js';
import type { Tile } from '../language/tile.js';
import { where } from '../language/where.js';
import type { TileProgram } from '../program.js';
import { type DropoutDraw, loadKey, rowDropout } from './dropout.js';
import { layerNorm } from './layer-norm.js';
import { loadMatrix, loadRow } from './matrix.js';
import { checkTileSize, checkTiling, eachRowTile, type RowTiling, rowGrid } from './row-tiles.js';
import { checkSettings } from './settings.js';

/** What a feed-forward kernel is made for. */
export interface FeedForwardConfig extends Omit<RowTiling, 'samples'> {
  /** d, features of a token: a power of two. */
  readonly width: number;
  /** Features of the hidden layer: a power of two. */
  readonly hidden: number;
  /** Of both dropouts. Default 0. */
  readonly rate?: number;
  /** How dropout draws its masks. Default `elements`. */
  readonly draw?: DropoutDraw;
  /** Of the layer norm. Default 1e-5. */
  readonly epsilon?: number;
  /** How tokens are stored, and what is multiplied: float32 as TF32. Default bfloat16. */
  readonly dtype?: 'bfloat16' | 'float32';
}

/** A configuration with nothing left open. */
export type FullFeedForwardConfig = Required<FeedForwardConfig & RowTiling>;

/** Fills in defaults. @throws Error when there is no kernel for it */
export function checkFeedForward(caller: string, config: FeedForwardConfig): FullFeedForwardConfig {
  const { width, hidden, rate = 0, draw = 'elements', epsilon = 1e-5, dtype = 'bfloat16' } = config;
  checkTileSize(caller, 'width', width);
  checkTileSize(caller, 'hidden', hidden);
  checkSettings(caller, { rate, draw, epsilon, dtype });
  return { ...checkTiling(caller, config), width, hidden, rate, draw, epsilon, dtype };
}

/** u Phi(u), with Phi the normal distribution: u (1 + erf(u / sqrt 2)) / 2. */
function gelu(u: Tile): Tile {
  return u.mul(normal(u).distribution);
}

/**
 * Phi(t) of t < 0 is its density times a polynomial in 1 / (1 + c |t|), without a constant, of these coefficients from the highest
 * power down: Abramowitz and Stegun, 26.2.17.
 */
const tail = {
  c: 0.2316419,
  coefficients: [1.330274429, -1.821255978, 1.781477937, -0.356563782, 0.31938153],
};

/**
 * Phi(u) = (1 + erf(u / sqrt 2)) / 2, within 1e-7, and its density exp(-u^2 / 2) / sqrt(2 pi).
 *
 * As precise as float32's own rounding of 1 + erf, by a third of the operations of `erf`.
 */
export function normal(u: Tile): { distribution: Tile; density: Tile } {
  const density = u
    .mul(u)
    .mul(-0.5 * Math.LOG2E)
    .exp2()
    .mul(1 / Math.sqrt(2 * Math.PI));
  const t = u.abs().mul(tail.c).add(1);
  // 1 / t, which is 1 or more: a division takes several instructions.
  const r = t.mul(t).rsqrt();
  const [highest, ...lower] = tail.coefficients;
  const polynomial = lower.reduce((sum, coefficient) => sum.add(coefficient).mul(r), r.mul(highest));
  const below = polynomial.mul(density);
  return { distribution: where(u.less(0), below, below.neg().add(1)), density };
}

/**
 * y = x + drop(W2^T drop(gelu(W1^T LN(x) + b1)) + b2) of each row: layer norm, feed-forward, dropout and residual in one pass.
 *
 * | array | type | shape |
 * |---|---|---|
 * | x, y | `dtype` | [rows, width] |
 * | gamma, beta | float32 | [width] |
 * | w1, w2 | float32 | [width, hidden], [hidden, width]: rounded to `dtype` here, which spares a conversion before each call |
 * | b1, b2 | float32 | [hidden], [width] |
 * | keys | int32 | [2, 2]: of the hidden layer's dropout, of the output's; not read at rate 0 |
 *
 * An element's place in [rows, hidden] or [rows, width] decides with its key whether it is dropped, as in `dropout` of
 * @primal-attention/runtime. Norms, sums, gelu and residual are float32; what enters a product is rounded to `dtype`.
 */
export function feedForward(config: FeedForwardConfig): Kernel<FeedForwardSignature> {
  const full = checkFeedForward('feedForward', config);
  const { width, hidden, rate, epsilon, dtype } = full;
  return kernel('feed_forward', feedForwardSignature(dtype), (arrays) => {
    const [gamma, beta, b2] = [arrays.gamma, arrays.beta, arrays.b2].map((vector) => loadRow(vector, width));
    const b1 = loadRow(arrays.b1, hidden);
    const w1 = loadMatrix(arrays.w1, width, hidden).cast(dtype);
    const w2 = loadMatrix(arrays.w2, hidden, width).cast(dtype);
    const [hiddenKey, outputKey] = rate === 0 ? [] : [loadKey(arrays.keys, 0), loadKey(arrays.keys, 2)];
    const [dropHidden, dropOutput] = [
      rowDropout(full, hiddenKey, hidden),
      rowDropout(full, outputKey, width),
    ];
    eachRowTile(full, [], (tile) => {
      const x = tile.load(arrays.x, width); // [rows, width]
      const h = layerNorm(x, gamma, beta, epsilon).result.cast(dtype);
      const u = dot(h, w1).add(b1); // [rows, hidden]
      const f = dropHidden(tile)(gelu(u)).cast(dtype);
      const o = dot(f, w2).add(b2); // [rows, width]
      tile.store(arrays.y, x.add(dropOutput(tile)(o)));
      return [];
    });
  });
}

function feedForwardSignature(dtype: 'bfloat16' | 'float32') {
  return {
    x: input(dtype),
    gamma: input('float32'),
    beta: input('float32'),
    w1: input('float32'),
    b1: input('float32'),
    w2: input('float32'),
    b2: input('float32'),
    keys: input('int32'),
    y: output(dtype),
  };
}

/** The arrays of {@link feedForward}. */
export type FeedForwardSignature = ReturnType<typeof feedForwardSignature>;

/** {@link feedForward} with its launch. */
export function feedForwardProgram(
  config: FeedForwardConfig,
  launch: Pick<Launch, 'numWarps' | 'numStages'> = {},
): TileProgram {
  const full = checkFeedForward('feedForwardProgram', config);
  const { rows, width, hidden } = full;
  return tileProgram(feedForward(full), {
    ...launch,
    grid: rowGrid(full),
    shapes: {
      x: [rows, width],
      gamma: [width],
      beta: [width],
      w1: [width, hidden],
      b1: [hidden],
      w2: [hidden, width],
      b2: [width],
      keys: [2, 2],
      y: [rows, width],
    },
  });
}
