import type { Tile } from '../language/tile.js';

/** What the gradient of a layer norm needs, besides its result. */
export interface Normalised {
  /** n = (x - mean) / sqrt(var + epsilon), [rows, width]. */
  readonly normalised: Tile;
  /** 1 / sqrt(var + epsilon), [rows, 1]. */
  readonly scale: Tile;
  /** gamma n + beta, [rows, width]. */
  readonly result: Tile;
}

/**
 * y = gamma (x - mean) / sqrt(var + epsilon) + beta of each row, with the biased variance.
 *
 * @param x float32 [rows, width], all columns of a row in one tile
 * @param gamma float32 [1, width]
 * @param beta float32 [1, width]
 */
export function layerNorm(x: Tile, gamma: Tile, beta: Tile, epsilon: number): Normalised {
  const width = x.shape[1];
  const centred = x.sub(x.sum(1, true).mul(1 / width));
  const variance = centred
    .mul(centred)
    .sum(1, true)
    .mul(1 / width); // [rows, 1]
  const scale = variance.add(epsilon).rsqrt();
  const normalised = centred.mul(scale);
  return { normalised, scale, result: normalised.mul(gamma).add(beta) };
}

/** dx = (g - mean(g) - n mean(g n)) / sqrt(var + epsilon) with g = gamma dy. @param dy float32 [rows, width] */
export function layerNormGradient(dy: Tile, { normalised, scale }: Normalised, gamma: Tile): Tile {
  const width = dy.shape[1];
  const g = dy.mul(gamma);
  const mean = (of: Tile): Tile => of.sum(1, true).mul(1 / width); // [rows, 1]
  return g
    .sub(mean(g))
    .sub(normalised.mul(mean(g.mul(normalised))))
    .mul(scale);
}
