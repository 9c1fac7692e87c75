import { type Launch, tileProgram } from '../emit/tile-program.js';
import { full, programId, zeros } from '../language/create.js';
import { dot } from '../language/dot.js';
import { type Kernel, kernel, output } from '../language/kernel.js';
import { loop } from '../language/loop.js';
import { where } from '../language/where.js';
import type { TileProgram } from '../program.js';
import {
  checkSoftmax,
  keyRange,
  maskOf,
  powers,
  type SoftmaxConfig,
  softmaxFlops,
  softmaxInputs,
  softmaxShapes,
  TokenTile,
  tokenGrid,
  WeightTile,
} from './softmax-parts.js';

/** Below every score, and finite: minus infinity minus minus infinity would be NaN. */
const lowest = -(2 ** 100);

const defaultTiles = { queriesPerTile: 128, keysPerTile: 64 };

/**
 * o_i = sum_j drop(softmax_j(q_i . k_j / sqrt(p))) v_j of each head: softmax attention with a mask of keys and dropout, in memory
 * O(N), from tiles of keys with a running maximum m_i and sum l_i, which a new tile only scales and adds to.
 *
 * | array | type | shape |
 * |---|---|---|
 * | q, k, v | `dtype` | [B, N, H p], heads side by side |
 * | mask | float32 | [B, N]: 1 for a real key, 0 for a padded one; read with `maskKeys` alone |
 * | rows, columns | int32 | [H, B, N], [N]: words that decide which weights are dropped; not read at rate 0 |
 * | o | float32 | [B, N, H p] |
 * | most | float32 | [B, H, N]: m_i, the largest score, in units of log 2 unless there is a penalty; -2^100 where no key has weight |
 * | total | float32 | [B, H, N]: log_2 sum_j exp(s_ij - m_i); 0 where no key has weight |
 *
 * `most` and `total` are what the gradient needs of the weights. They are two, since under a penalty of 1e6 their sum
 * would keep four bits of its fraction. The gradient needs o, too, and all bits of it: it takes dy_i . o_i from numbers that are
 * nearly the same, and the eight bits of bfloat16 would leave nothing of the difference.
 *
 * Dropout is `matrixDropout` of @primal-attention/runtime on the plain formulation's weights [H, B, N, N], to which `matrixWords`
 * gives the words. Scores, exponentials and sums are float32; what enters a product is rounded to `dtype`.
 *
 * Source: Rabe and Staats 2021, Dao et al. 2022.
 */
export function softmaxAttention(config: SoftmaxConfig): Kernel<SoftmaxSignature> {
  const given = checkSoftmax('softmaxAttention', config, defaultTiles);
  const { headSize, queriesPerTile, keysPerTile, rate, dtype } = given;
  return kernel('softmax_attention', softmaxSignature(dtype), (arrays) => {
    const block = programId(0);
    const queries = new TokenTile(given, block.mul(queriesPerTile), queriesPerTile);
    const q = queries.load(arrays.q); // [queries, p]
    const rows = rate === 0 ? undefined : queries.loadRowWords(arrays.rows);
    const start = {
      most: full([queriesPerTile], lowest),
      total: zeros([queriesPerTile]),
      sums: zeros([queriesPerTile, headSize]),
    };
    const { most, total, sums } = loop(keyRange(given, block), start, (first, before) => {
      const keys = new TokenTile(given, first, keysPerTile);
      const columns = rate === 0 ? undefined : keys.loadColumnWords(arrays.columns);
      const mask = maskOf(given, keys, arrays.mask);
      const tile = new WeightTile(given, { queries, keys, mask, rows, columns }, 0);
      const scores = tile.scores(dot(q, keys.load(arrays.k).transpose())); // [queries, keys]
      const most = before.most.maximum(scores.max(1));
      const weights = tile.exponentials(scores, most);
      const fade = powers(given, before.most.sub(most));
      return {
        most,
        total: before.total.mul(fade).add(weights.sum(1)),
        sums: dot(tile.drop(weights).cast(dtype), keys.load(arrays.v), {
          accumulator: before.sums.mul(fade.expandDims(1)),
        }), // [queries, p]
      };
    });
    // Without any key the sums are 0, too.
    const divisor = where(total.equal(0), 1, total);
    queries.store(arrays.o, sums.div(divisor.mul(1 - rate).expandDims(1)));
    queries.storeNumbers(arrays.most, most);
    queries.storeNumbers(arrays.total, divisor.log().mul(Math.LOG2E));
  });
}

function softmaxSignature(dtype: 'bfloat16' | 'float32') {
  return {
    ...softmaxInputs(dtype),
    o: output('float32'),
    most: output('float32'),
    total: output('float32'),
  };
}

/** The arrays of {@link softmaxAttention}. */
export type SoftmaxSignature = ReturnType<typeof softmaxSignature>;

/** {@link softmaxAttention} with its launch. */
export function softmaxAttentionProgram(
  config: SoftmaxConfig,
  { numWarps = 8, numStages = 2 }: Pick<Launch, 'numWarps' | 'numStages'> = {},
): TileProgram {
  const given = checkSoftmax('softmaxAttentionProgram', config, defaultTiles);
  const { inputs, tokens, numbers } = softmaxShapes(given);
  const made = softmaxAttention(config);
  return tileProgram(made, {
    numWarps,
    numStages,
    grid: tokenGrid(given, given.queriesPerTile),
    shapes: { ...inputs, o: tokens, most: numbers, total: numbers },
    flops: softmaxFlops(made, given, 'keys'),
  });
}
