/*
 * The counter-based generator behind every random number here, as plain integer arithmetic on 32 bits:
 *
 *     bits(k, i)   = mix(mix(i ^ k0) + k1)
 *     foldIn(k, d) = ( mix(mix(d ^ k1 ^ A) + k0), mix(mix(d ^ k0 ^ B) + k1) )
 *     mix(x)       : x ^= x >>> 16;  x *= 0x7feb352d;  x ^= x >>> 15;  x *= 0x846ca68b;  x ^= x >>> 16
 *
 *     matrix bits  = r_i c_j modulo 2^32, r_i = bits(foldIn(k, 0), i) of row i, c_j = bits(foldIn(k, 1), j) of column j
 *
 * with k = (k0, k1) the key and i the element's index in row-major order. `mix` is the 32-bit bijection with the lowest
 * bias known for two multiplications (C. Wellons, "Prospecting for Hash Functions", 2018).
 *
 * What it promises: the same bits on every backend and device; no state; statistical quality that is ample for dropout
 * and initialisation (tests check moments, uniformity and independence of neighbours, keys and folds). What it does not:
 * cryptographic strength, or the guarantees of Philox or Threefry for very long streams; a stream is a permutation of
 * the 32-bit words, so that within one draw no word comes twice. The reason for it: a compiled program computes it inside the operation that
 * consumes it, where Threefry costs five times as much on a CPU.
 *
 * Matrix bits are for masks of N x N weights, which a kernel draws three times and keeps never: one multiplication for an element
 * instead of twenty operations. Multiplying with a random word is the classic universal hash: of two elements, high bits are as
 * good as independent (tests check rows, columns and neighbours), low bits are not, and of four at the corners of a rectangle the
 * last one follows from all bits of the others. Dropout compares the number with a threshold, which asks the high bits.
 */

/** Constants that keep folding apart from drawing. Any odd-looking words do. */
export const foldTags = [0xa511e9b3 | 0, 0x63d83595 | 0] as const;

export function mix(x: number): number {
  x ^= x >>> 16;
  x = Math.imul(x, 0x7feb352d);
  x ^= x >>> 15;
  x = Math.imul(x, 0x846ca68b);
  return x ^ (x >>> 16);
}

/** The 32 random bits of element `index`, as a signed integer. */
export function bitsAt(k0: number, k1: number, index: number): number {
  return mix((mix(index ^ k0) + k1) | 0);
}

/** The key that follows from a key and a number. */
export function foldKey(k0: number, k1: number, data: number): [number, number] {
  return [mix((mix(data ^ k1 ^ foldTags[0]) + k0) | 0), mix((mix(data ^ k0 ^ foldTags[1]) + k1) | 0)];
}

/** The key of a seed: any integer up to 2^53 in size. */
export function keyOfSeed(seed: number, caller: string): [number, number] {
  if (!Number.isSafeInteger(seed)) {
    throw new Error(`${caller}: the seed must be a safe integer, got ${seed}`);
  }
  const low = seed | 0;
  const high = Math.floor(seed / 2 ** 32) | 0;
  return foldKey(mix(low), mix(high ^ 0x9e3779b9), low ^ Math.imul(high, 0x85ebca6b));
}

/** A 32-bit word as a float in [0, 1), with 24 bits: exact in float32. */
export function unitFloat(bits: number): number {
  return (bits >>> 8) * 2 ** -24;
}
