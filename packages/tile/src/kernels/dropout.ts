import { arange } from '../language/create.js';
import type { InputPointer } from '../language/pointer.js';
import type { Tile } from '../language/tile.js';
import { where } from '../language/where.js';
import type { RowTile } from './row-tiles.js';
import { checkSettings } from './settings.js';

/*
 * Dropout whose mask follows from a key and an element's index: the generator of @primal-attention/runtime, bit by bit, so that
 * a kernel drops what the plain formulation drops.
 *
 *     bits(k, i) = mix(mix(i ^ k0) + k1)
 *     kept       = (bits >>> 8) 2^-24 < 1 - rate
 *
 * or, by its draw `products`, which costs one operation for an element instead of twenty:
 *
 *     bits       = r_i c_j modulo 2^32, r_i = bits(foldIn(k, 0), i) of row i, c_j = bits(foldIn(k, 1), j) of column j
 *     foldIn(k, d) = (mix(mix(d ^ k1 ^ A) + k0), mix(mix(d ^ k0 ^ B) + k1))
 */

/** How a mask is drawn: 32 bits for each element, or the product of a word of its row and one of its column. */
export type DropoutDraw = 'elements' | 'products';

/** A bijection of 32-bit words: x ^= x >>> 16, x *= 0x7feb352d, x ^= x >>> 15, x *= 0x846ca68b, x ^= x >>> 16. */
function mix(x: Tile): Tile {
  let h = x.xor(x.shr(16)).mul(0x7feb352d);
  h = h.xor(h.shr(15)).mul(0x846ca68b);
  return h.xor(h.shr(16));
}

/** A key of the generator: two words, scalars. */
export interface DropoutKey {
  readonly k0: Tile;
  readonly k1: Tile;
}

/** Reads the key that begins at this element of an int32 array. */
export function loadKey(keys: InputPointer, at: number): DropoutKey {
  const word = (i: number): Tile => keys.load(i).cast('uint32');
  return { k0: word(at), k1: word(at + 1) };
}

/** What keeps folding apart from drawing in the runtime's generator: A and B. */
const foldTags = [0xa511e9b3, 0x63d83595] as const;

/** The key that follows from a key and a number. */
function foldIn({ k0, k1 }: DropoutKey, data: number): DropoutKey {
  const word = (other: Tile, own: Tile, tag: number): Tile =>
    mix(mix(other.xor((tag ^ data) >>> 0)).add(own));
  return { k0: word(k1, k0, foldTags[0]), k1: word(k0, k1, foldTags[1]) };
}

/** The 32 random bits of each element, uint32. @param index of the elements in row-major order, int32 */
export function randomBits({ k0, k1 }: DropoutKey, index: Tile): Tile {
  return mix(mix(index.cast('uint32').xor(k0)).add(k1));
}

/**
 * Which elements of a matrix are kept: as `matrixDropout` of the runtime decides, from its `matrixWords`.
 *
 * @param rows, columns uint32, of shapes that fit each other
 */
export function keptOfMatrix(rate: number, rows: Tile, columns: Tile): Tile {
  // bits >>> 8 < threshold, without the shift.
  return rows.mul(columns).lessEqual(thresholdOf(rate) * 256 - 1);
}

/** What the upper 24 bits of a kept element are less than. */
function thresholdOf(rate: number): number {
  // As float32 compares: both sides times 2^24 are exact, and the left one is an integer.
  return Math.ceil(Math.fround(1 - rate) * 2 ** 24);
}

/**
 * x / (1 - rate) where the element is kept, else 0; x itself at rate 0.
 *
 * @param index of x's elements in the whole array, int32 of x's shape
 */
export function dropout(x: Tile, rate: number, key: DropoutKey | undefined, index: Tile): Tile {
  checkSettings('dropout', { rate });
  return key === undefined || rate === 0 ? x : dropBy(keptAt(rate, key, index), rate)(x);
}

function keptAt(rate: number, key: DropoutKey, index: Tile): Tile {
  return randomBits(key, index).shr(8).less(thresholdOf(rate));
}

type Drop = (x: Tile) => Tile;

const dropBy =
  (kept: Tile, rate: number): Drop =>
  (x) =>
    where(kept, x.mul(1 / (1 - rate)), 0);

/**
 * Dropout of a matrix's rows, tile by tile: of a tile, what drops elements of [rowsPerTile, columns], by the same mask each time. At
 * rate 0, and without a key, nothing is dropped.
 */
export function rowDropout(
  settings: RowDropoutSettings,
  key: DropoutKey | undefined,
  columns: number,
): (tile: Rows) => Drop {
  const { rate, draw } = settings;
  checkSettings('rowDropout', { rate, draw });
  const keptOf = keptOfRows(settings, key, columns);
  return (tile) => {
    const kept = keptOf(tile);
    return kept === undefined ? (x) => x : dropBy(kept, rate);
  };
}

/** What {@link rowDropout} keeps of a tile, bool [rowsPerTile, columns]; undefined where that is all of it. */
export function keptOfRows(
  { rate, draw }: RowDropoutSettings,
  key: DropoutKey | undefined,
  columns: number,
): (tile: Rows) => Tile | undefined {
  if (key === undefined || rate === 0) return () => undefined;
  if (draw === 'elements') return (tile) => keptAt(rate, key, tile.offsets(columns));
  const ofRows = foldIn(key, 0);
  const words = randomBits(foldIn(key, 1), arange(columns)).expandDims(0); // [1, columns]
  return ({ rows }) => keptOfMatrix(rate, randomBits(ofRows, rows).expandDims(1), words);
}

interface RowDropoutSettings {
  readonly rate: number;
  readonly draw: DropoutDraw;
}

/** Which rows of a matrix a tile has. */
type Rows = Pick<RowTile, 'rows' | 'offsets'>;
