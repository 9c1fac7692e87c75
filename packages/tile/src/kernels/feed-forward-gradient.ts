import { type Launch, tileProgram } from '../emit/tile-program.js';
import { zeros } from '../language/create.js';
import { dot } from '../language/dot.js';
import { input, type Kernel, kernel, output } from '../language/kernel.js';
import type { TileProgram } from '../program.js';
import { addColumns, noSums, storeSums } from './column-sums.js';
import { loadKey, rowDropout } from './dropout.js';
import {
  checkFeedForward,
  type FeedForwardConfig,
  type FullFeedForwardConfig,
  normal,
} from './feed-forward.js';
import { layerNorm, layerNormGradient } from './layer-norm.js';
import { loadMatrix, loadRow, storeMatrix } from './matrix.js';
import { type RowLayout, rowLayout } from './row-layout.js';
import { eachRowTile, programNumber, rowGrid } from './row-tiles.js';

/**
 * The gradient of `feedForward`: dx, and each program's part of the weights' gradients, whose sums over programs are the
 * gradients. What the forward pass computed between x and y is computed again.
 *
 * | array | type | shape |
 * |---|---|---|
 * | x, gamma, beta, w1, b1, w2, keys | | as in `feedForward` |
 * | dy, dx | `dtype` | [rows, width] |
 * | parts | float32 | [programs, size]: a row of {@link feedForwardGradientLayout} for each program |
 *
 * `rowsPerTile` is 32 by default. With u = W1^T LN(x) + b1: gelu'(u) = Phi(u) + u exp(-u^2 / 2) / sqrt(2 pi).
 */
export function feedForwardGradient(config: FeedForwardConfig): Kernel<FeedForwardGradientSignature> {
  const full = checkGradient('feedForwardGradient', config);
  const { width, hidden, rate, epsilon, dtype } = full;
  return kernel('feed_forward_gradient', signature(dtype), (arrays) => {
    const [gamma, beta, b1] = [
      loadRow(arrays.gamma, width),
      loadRow(arrays.beta, width),
      loadRow(arrays.b1, hidden),
    ];
    const w1 = loadMatrix(arrays.w1, width, hidden).cast(dtype);
    const w2 = loadMatrix(arrays.w2, hidden, width).cast(dtype);
    const [hiddenKey, outputKey] = rate === 0 ? [] : [loadKey(arrays.keys, 0), loadKey(arrays.keys, 2)];
    const [dropHidden, dropOutput] = [
      rowDropout(full, hiddenKey, hidden),
      rowDropout(full, outputKey, width),
    ];
    const start = {
      w1: zeros([width, hidden]),
      b1: noSums(hidden),
      w2: zeros([hidden, width]),
      b2: noSums(width),
      gamma: noSums(width),
      beta: noSums(width),
    };
    const sums = eachRowTile(full, start, (tile, sums) => {
      // The forward pass again, up to what the hidden layer gives and the slope of that: no more of it is kept.
      const norm = layerNorm(tile.load(arrays.x, width), gamma, beta, epsilon);
      const h = norm.result.cast(dtype); // [rows, width]
      const u = dot(h, w1).add(b1); // [rows, hidden]
      const { distribution, density } = normal(u);
      const drop = dropHidden(tile);
      const f = drop(u.mul(distribution)).cast(dtype);
      const slope = drop(distribution.add(u.mul(density))).cast(dtype);
      // And back.
      const dy = tile.load(arrays.dy, width);
      const dOutput = dropOutput(tile)(dy).cast(dtype); // [rows, width]
      const du = dot(dOutput, w2.transpose()).mul(slope.cast('float32')).cast(dtype); // [rows, hidden]
      const dh = dot(du, w1.transpose()); // [rows, width]
      tile.store(arrays.dx, dy.add(layerNormGradient(dh, norm, gamma)));
      return {
        w1: dot(h.transpose(), du, { accumulator: sums.w1 }),
        b1: addColumns(sums.b1, du, dtype),
        w2: dot(f.transpose(), dOutput, { accumulator: sums.w2 }),
        b2: addColumns(sums.b2, dOutput, dtype),
        gamma: addColumns(sums.gamma, dh.mul(norm.normalised), dtype),
        beta: addColumns(sums.beta, dh, dtype),
      };
    });
    const { size, places } = feedForwardGradientLayout(full);
    const row = arrays.parts.plus(programNumber(full).mul(size));
    for (const name of ['w1', 'w2'] as const) storeMatrix(row.plus(places[name].offset), sums[name]);
    for (const name of ['b1', 'b2', 'gamma', 'beta'] as const) {
      storeSums(row.plus(places[name].offset), sums[name], places[name].shape[0]);
    }
  });
}

/** What a row of `parts` of {@link feedForwardGradient} holds: the gradients of the weights. */
export function feedForwardGradientLayout({
  width,
  hidden,
}: Pick<FeedForwardConfig, 'width' | 'hidden'>): RowLayout<'w1' | 'w2' | 'b1' | 'b2' | 'gamma' | 'beta'> {
  return rowLayout({
    w1: [width, hidden],
    w2: [hidden, width],
    b1: [hidden],
    b2: [width],
    gamma: [width],
    beta: [width],
  });
}

/** Smaller tiles than forward: what stays in registers between the products is more. */
function checkGradient(caller: string, config: FeedForwardConfig): FullFeedForwardConfig {
  return checkFeedForward(caller, { rowsPerTile: 32, ...config });
}

function signature(dtype: 'bfloat16' | 'float32') {
  return {
    x: input(dtype),
    dy: input(dtype),
    gamma: input('float32'),
    beta: input('float32'),
    w1: input('float32'),
    b1: input('float32'),
    w2: input('float32'),
    keys: input('int32'),
    dx: output(dtype),
    parts: output('float32'),
  };
}

/** The arrays of {@link feedForwardGradient}. */
export type FeedForwardGradientSignature = ReturnType<typeof signature>;

/** {@link feedForwardGradient} with its launch: by default 8 warps, which have the registers for the sums. */
export function feedForwardGradientProgram(
  config: FeedForwardConfig,
  launch: Pick<Launch, 'numWarps' | 'numStages'> = {},
): TileProgram {
  const full = checkGradient('feedForwardGradientProgram', config);
  const { rows, width, hidden } = full;
  const grid = rowGrid(full);
  return tileProgram(feedForwardGradient(config), {
    numWarps: 8,
    ...launch,
    grid,
    shapes: {
      x: [rows, width],
      dy: [rows, width],
      gamma: [width],
      beta: [width],
      w1: [width, hidden],
      b1: [hidden],
      w2: [hidden, width],
      keys: [2, 2],
      dx: [rows, width],
      parts: [grid[0], feedForwardGradientLayout(full).size],
    },
  });
}
