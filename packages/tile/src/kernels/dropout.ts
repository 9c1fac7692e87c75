import type { InputPointer } from '../language/pointer.js';
import type { Tile } from '../language/tile.js';
import { where } from '../language/where.js';

/*
 * Dropout whose mask follows from a key and an element's index: the generator of @primal-attention/runtime, bit by bit, so that
 * a kernel drops what the plain formulation drops.
 *
 *     bits(k, i) = mix(mix(i ^ k0) + k1)
 *     kept       = (bits >>> 8) 2^-24 < 1 - rate
 *
 * and for the N x N weights of attention, which are dropped anew in each kernel, its matrix dropout:
 *
 *     bits       = r_i c_j modulo 2^32, of random words of rows and columns
 */

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

/** The 32 random bits of each element, uint32. @param index of the elements in row-major order, int32 */
export function randomBits({ k0, k1 }: DropoutKey, index: Tile): Tile {
  return mix(mix(index.cast('uint32').xor(k0)).add(k1));
}

/**
 * x / (1 - rate) where the element is kept, else 0; x itself at rate 0.
 *
 * @param index of x's elements in the whole array, int32 of x's shape
 */
export function dropout(x: Tile, rate: number, key: DropoutKey | undefined, index: Tile): Tile {
  return dropoutOf(rate, key, index)(x);
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

/** {@link dropout} of several tiles by the same bits. */
export function dropoutOf(rate: number, key: DropoutKey | undefined, index: Tile): (x: Tile) => Tile {
  if (key === undefined || rate === 0) return (x) => x;
  const kept = randomBits(key, index).shr(8).less(thresholdOf(rate));
  return (x) => where(kept, x.mul(1 / (1 - rate)), 0);
}
