import { type Launch, tileProgram } from '../emit/tile-program.js';
import { full, programId, zeros } from '../language/create.js';
import { dot } from '../language/dot.js';
import { type Kernel, kernel, output } from '../language/kernel.js';
import { loop } from '../language/loop.js';
import { where } from '../language/where.js';
import type { TileProgram } from '../program.js';
import { loadKey } from './dropout.js';
import {
  checkSoftmax,
  keyRange,
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
 * | q, k, v, o | `dtype` | [B, N, H p], heads side by side |
 * | mask | float32 | [B, N]: 1 for a real key, 0 for a padded one; read with `maskKeys` alone |
 * | key | int32 | [2]; not read at rate 0 |
 * | most | float32 | [B, H, N]: m_i, the largest score; -2^100 where no key has weight |
 * | total | float32 | [B, H, N]: l_i = sum_j exp(s_ij - m_i); 1 where no key has weight |
 *
 * `most` and `total` are what the gradient needs of the weights. They are two, since under a penalty of 1e6 their one
 * logarithm would keep four bits of its fraction.
 *
 * A weight's place in [H, B, N, N] decides whether it is dropped, as in `dropout` of @primal-attention/runtime on the plain
 * formulation's weights. Scores, exponentials and sums are float32; what enters a product is rounded to `dtype`.
 *
 * Source: Rabe and Staats 2021, Dao et al. 2022.
 */
export function softmaxAttention(config: SoftmaxConfig): Kernel<SoftmaxSignature> {
  const given = checkSoftmax('softmaxAttention', config, defaultTiles);
  const { headSize, queriesPerTile, keysPerTile, rate, dtype } = given;
  return kernel('softmax_attention', softmaxSignature(dtype), (arrays) => {
    const key = rate === 0 ? undefined : loadKey(arrays.key, 0);
    const block = programId(0);
    const queries = new TokenTile(given, block.mul(queriesPerTile), queriesPerTile);
    const q = queries.load(arrays.q); // [queries, p]
    const start = {
      most: full([queriesPerTile], lowest),
      total: zeros([queriesPerTile]),
      sums: zeros([queriesPerTile, headSize]),
    };
    const { most, total, sums } = loop(keyRange(given, block), start, (first, before) => {
      const keys = new TokenTile(given, first, keysPerTile);
      const tile = new WeightTile(given, { mask: arrays.mask, key }, { queries, keys, queryAxis: 0 });
      const scores = tile.scores(dot(q, keys.load(arrays.k).transpose())); // [queries, keys]
      const most = before.most.maximum(scores.max(1));
      const weights = scores.sub(tile.ofQueries(most)).exp();
      const fade = before.most.sub(most).exp();
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
    queries.store(arrays.o, sums.div(divisor.expandDims(1)));
    queries.storeNumbers(arrays.most, most);
    queries.storeNumbers(arrays.total, divisor);
  });
}

function softmaxSignature(dtype: 'bfloat16' | 'float32') {
  return {
    ...softmaxInputs(dtype),
    o: output(dtype),
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
