import { type Launch, tileProgram } from '../emit/tile-program.js';
import { zeros } from '../language/create.js';
import { dot } from '../language/dot.js';
import { input, type Kernel, kernel, output } from '../language/kernel.js';
import type { TileProgram } from '../program.js';
import { addColumns, noSums, storeSums } from './column-sums.js';
import { loadKey, rowDropout } from './dropout.js';
import { layerNorm } from './layer-norm.js';
import { loadRow } from './matrix.js';
import {
  checkPrimal,
  loadHeads,
  type PrimalConfig,
  primalInputs,
  primalShapes,
  unitVectors,
} from './primal-parts.js';
import { eachRowTile, programNumber, rowGrid } from './row-tiles.js';

/**
 * y = x + drop(mask (sum_h C_h^T [e_h ; r_h] + c) + b) of each token, with h = LN(x), e_h = A_e^T phi(W_q^T h + b_q),
 * r_h = A_r^T phi(W_k^T h + b_k) and phi(z) = z / max(||z||, 1e-12): layer norm, Primal-Attention, dropout and residual in one
 * pass (equation 9). Also the sums of e^2 and r^2 over the tokens, of which the objective J is made.
 *
 * | array | type | shape |
 * |---|---|---|
 * | x, y | `dtype` | [B, N, d] |
 * | gamma, beta | float32 | [d] |
 * | wq, wk | float32 | [d, d], heads side by side: rounded to `dtype` here, which spares a conversion before each call |
 * | bq, bk | float32 | [d] |
 * | projections | `dtype` | [H, B, p, 2 s]: W_{e\|X} and W_{r\|X} side by side, A_e and A_r |
 * | combine | `dtype` | [2 H s, d]: W_c W_out[h] of e for each head, then of r |
 * | mask | float32 | [B, N]; read with `maskOutput` alone |
 * | key | int32 | [2]; not read at rate 0 |
 * | inner | float32 | [d]: what the combining map's bias becomes behind the output map, c |
 * | bias | float32 | [d]: the output map's own, b |
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
    const drop = rowDropout(full, key, width);
    const weights = loadHeads(full, arrays);
    const start = Array.from({ length: groups }, () => noSums(columns));
    const squares = eachRowTile(full, start, (tile, sums) => {
      const x = tile.load(arrays.x, width); // [rows, d]
      const h = layerNorm(x, gamma, beta, epsilon).result.cast(dtype);
      let o = zeros([full.rowsPerTile, width]);
      const next = sums.map((sum, group) => {
        const { map, bias, projection, combine } = weights[group].weights;
        const { unit } = unitVectors(dot(h, map).add(bias)); // [rows, p]
        const scores = dot(unit.cast(dtype), projection); // [rows, s]
        o = dot(scores.cast(dtype), combine, { accumulator: o });
        return addColumns(sum, tile.zeroOutside(scores.mul(scores)), dtype);
      });
      o = o.add(inner);
      if (maskOutput) o = o.mul(tile.loadColumn(arrays.mask));
      o = o.add(bias);
      tile.store(arrays.y, x.add(drop(tile)(o)));
      return next;
    });
    for (const [group, sums] of squares.entries()) {
      const row = arrays.squares.plus(programNumber(full).mul(groups * rank)).plus(group * rank);
      storeSums(row, sums, rank);
    }
  });
}

function primalSignature(dtype: 'bfloat16' | 'float32') {
  return {
    ...primalInputs(dtype),
    inner: input('float32'),
    bias: input('float32'),
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
  const { rows, samples, width, heads, rank } = full;
  const grid = rowGrid(full);
  return tileProgram(primal(config), {
    ...launch,
    grid,
    shapes: {
      ...primalShapes(full),
      inner: [width],
      bias: [width],
      y: [samples, rows, width],
      squares: [samples, grid[0], 2 * heads * rank],
    },
  });
}
