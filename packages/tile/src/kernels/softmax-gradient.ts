import { type Launch, tileProgram } from '../emit/tile-program.js';
import { programId, zeros } from '../language/create.js';
import { dot } from '../language/dot.js';
import { input, type Kernel, kernel, output } from '../language/kernel.js';
import { loop } from '../language/loop.js';
import type { TileProgram } from '../program.js';
import {
  checkSoftmax,
  keyRange,
  maskOf,
  queryRange,
  type SoftmaxConfig,
  scaleOf,
  softmaxFlops,
  softmaxInputs,
  softmaxShapes,
  TokenTile,
  tokenGrid,
  WeightTile,
} from './softmax-parts.js';

/*
 * The gradient of `softmaxAttention`, by recomputation of the weights w_ij from the rows' largest scores and sums:
 *
 *     inner_i = dy_i . o_i                      = sum_j w_ij dw_ij, with dropout, too
 *     dw_ij   = drop(dy_i . v_j)
 *     ds_ij   = w_ij (dw_ij - inner_i)
 *     dq_i    = sum_j ds_ij k_j / sqrt(p)
 *     dk_j    = sum_i ds_ij q_i / sqrt(p)
 *     dv_j    = sum_i drop(w_ij) dy_i
 *
 * Sums over keys and sums over queries ask for programs of two kinds, since none can add to what another writes. So the weights
 * are computed twice.
 */

const queryTiles = { queriesPerTile: 128, keysPerTile: 32 };
const keyTiles = { queriesPerTile: 32, keysPerTile: 128 };

/**
 * The gradient of `softmaxAttention` by the queries, and the numbers that {@link softmaxKeyGradient} needs of each.
 *
 * | array | type | shape |
 * |---|---|---|
 * | q, k, v, mask, rows, columns, most, total | | as in `softmaxAttention` |
 * | o | float32 | [B, N, H p], from `softmaxAttention` |
 * | dy, dq | `dtype` | [B, N, H p] |
 * | inner | float32 | [B, H, N]: (1 - rate) dy_i . o_i |
 */
export function softmaxQueryGradient(config: SoftmaxConfig): Kernel<SoftmaxQueryGradientSignature> {
  const given = checkSoftmax('softmaxQueryGradient', config, queryTiles);
  const { headSize, queriesPerTile, keysPerTile, rate, dtype } = given;
  return kernel('softmax_query_gradient', querySignature(dtype), (arrays) => {
    const block = programId(0);
    const queries = new TokenTile(given, block.mul(queriesPerTile), queriesPerTile);
    const [q, dy] = [queries.load(arrays.q), queries.load(arrays.dy)]; // [queries, p]
    const rows = rate === 0 ? undefined : queries.loadRowWords(arrays.rows);
    const most = queries.loadNumbers(arrays.most, 0);
    const total = queries.loadNumbers(arrays.total, 0);
    const inner = dy
      .cast('float32')
      .mul(queries.load(arrays.o))
      .sum(1)
      .mul(1 - rate);
    const sums = loop(keyRange(given, block), zeros([queriesPerTile, headSize]), (first, sums) => {
      const keys = new TokenTile(given, first, keysPerTile);
      const k = keys.load(arrays.k);
      const columns = rate === 0 ? undefined : keys.loadColumnWords(arrays.columns);
      const mask = maskOf(given, keys, arrays.mask);
      const tile = new WeightTile(given, { queries, keys, mask, rows, columns }, 0);
      const weights = tile.weights(dot(q, k.transpose()), most, total); // [queries, keys]
      const dropped = tile.drop(weights);
      const dWeights = dot(dy, keys.load(arrays.v).transpose());
      const dProducts = tile.dProducts(weights, { dropped, dWeights, inner });
      return dot(dProducts.cast(dtype), k, { accumulator: sums });
    });
    queries.store(arrays.dq, sums.mul(scaleOf(given) / (1 - rate)));
    queries.storeNumbers(arrays.inner, inner);
  });
}

function querySignature(dtype: 'bfloat16' | 'float32') {
  return {
    ...softmaxInputs(dtype),
    most: input('float32'),
    total: input('float32'),
    o: input('float32'),
    dy: input(dtype),
    dq: output(dtype),
    inner: output('float32'),
  };
}

/** The arrays of {@link softmaxQueryGradient}. */
export type SoftmaxQueryGradientSignature = ReturnType<typeof querySignature>;

/**
 * The gradient of `softmaxAttention` by the keys and values.
 *
 * | array | type | shape |
 * |---|---|---|
 * | q, k, v, mask, rows, columns, most, total | | as in `softmaxAttention` |
 * | dy, dk, dv | `dtype` | [B, N, H p] |
 * | inner | float32 | [B, H, N], from {@link softmaxQueryGradient} |
 */
export function softmaxKeyGradient(config: SoftmaxConfig): Kernel<SoftmaxKeyGradientSignature> {
  const given = checkSoftmax('softmaxKeyGradient', config, keyTiles);
  const { headSize, queriesPerTile, keysPerTile, rate, dtype } = given;
  return kernel('softmax_key_gradient', keySignature(dtype), (arrays) => {
    const block = programId(0);
    const keys = new TokenTile(given, block.mul(keysPerTile), keysPerTile);
    const [k, v] = [keys.load(arrays.k), keys.load(arrays.v)]; // [keys, p]
    const columns = rate === 0 ? undefined : keys.loadColumnWords(arrays.columns);
    const mask = maskOf(given, keys, arrays.mask);
    const none = zeros([keysPerTile, headSize]);
    const { dk, dv } = loop(queryRange(given, block), { dk: none, dv: none }, (first, sums) => {
      const queries = new TokenTile(given, first, queriesPerTile);
      // Beyond the end dy and inner are 0, so that queries there add nothing.
      const [q, dy] = [queries.load(arrays.q), queries.load(arrays.dy)]; // [queries, p]
      const rows = rate === 0 ? undefined : queries.loadRowWords(arrays.rows);
      const most = queries.loadNumbers(arrays.most, 0);
      const total = queries.loadNumbers(arrays.total, 0);
      const inner = queries.loadNumbers(arrays.inner, 0);
      const tile = new WeightTile(given, { queries, keys, mask, rows, columns }, 1);
      const weights = tile.weights(dot(k, q.transpose()), most, total); // [keys, queries]
      const dropped = tile.drop(weights);
      const dWeights = dot(v, dy.transpose());
      const dProducts = tile.dProducts(weights, { dropped, dWeights, inner });
      return {
        dk: dot(dProducts.cast(dtype), q, { accumulator: sums.dk }),
        dv: dot(dropped.cast(dtype), dy, { accumulator: sums.dv }),
      };
    });
    keys.store(arrays.dk, dk.mul(scaleOf(given) / (1 - rate)));
    keys.store(arrays.dv, dv.mul(1 / (1 - rate)));
  });
}

function keySignature(dtype: 'bfloat16' | 'float32') {
  return {
    ...softmaxInputs(dtype),
    most: input('float32'),
    total: input('float32'),
    dy: input(dtype),
    inner: input('float32'),
    dk: output(dtype),
    dv: output(dtype),
  };
}

/** The arrays of {@link softmaxKeyGradient}. */
export type SoftmaxKeyGradientSignature = ReturnType<typeof keySignature>;

/** {@link softmaxQueryGradient} with its launch. */
export function softmaxQueryGradientProgram(
  config: SoftmaxConfig,
  { numWarps = 8, numStages = 2 }: Pick<Launch, 'numWarps' | 'numStages'> = {},
): TileProgram {
  const given = checkSoftmax('softmaxQueryGradientProgram', config, queryTiles);
  const { inputs, tokens, numbers } = softmaxShapes(given);
  const made = softmaxQueryGradient(config);
  return tileProgram(made, {
    numWarps,
    numStages,
    grid: tokenGrid(given, given.queriesPerTile),
    shapes: { ...inputs, most: numbers, total: numbers, o: tokens, dy: tokens, dq: tokens, inner: numbers },
    flops: softmaxFlops(made, given, 'keys'),
  });
}

/** {@link softmaxKeyGradient} with its launch. */
export function softmaxKeyGradientProgram(
  config: SoftmaxConfig,
  { numWarps = 8, numStages = 2 }: Pick<Launch, 'numWarps' | 'numStages'> = {},
): TileProgram {
  const given = checkSoftmax('softmaxKeyGradientProgram', config, keyTiles);
  const { inputs, tokens, numbers } = softmaxShapes(given);
  const made = softmaxKeyGradient(config);
  return tileProgram(made, {
    numWarps,
    numStages,
    grid: tokenGrid(given, given.keysPerTile),
    shapes: { ...inputs, most: numbers, total: numbers, dy: tokens, inner: numbers, dk: tokens, dv: tokens },
    flops: softmaxFlops(made, given, 'queries'),
  });
}
