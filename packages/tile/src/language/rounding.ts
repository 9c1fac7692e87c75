import type { Dtype } from './dtype.js';

/*
 * Rounding to the types that JavaScript has no arrays for: to nearest, ties to even, in place and in float32 arrays, whose
 * values stand for those of the smaller type.
 */

/** Keeps the upper bits of each float32, `dropped` bits fewer; NaN stays NaN. */
function dropBits(values: Float32Array, dropped: number): void {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const keep = ~((1 << dropped) - 1);
  const half = (1 << (dropped - 1)) - 1;
  for (let i = 0; i < bits.length; i++) {
    const word = bits[i];
    if ((word & 0x7f800000) === 0x7f800000) continue; // infinity and NaN
    bits[i] = (word + half + ((word >>> dropped) & 1)) & keep;
  }
}

/** Adding and taking it away leaves the nearest integer, ties to even, for numbers below 2^51. */
const integers = 1.5 * 2 ** 52;

/** To bfloat16: 8 bits of exponent, 7 of mantissa. */
export function roundToBfloat16(values: Float32Array): void {
  dropBits(values, 16);
}

/** To TF32, the form in which tensor cores take float32: 8 bits of exponent, 10 of mantissa. */
export function roundToTf32(values: Float32Array): void {
  dropBits(values, 13);
}

/** To float16: 5 bits of exponent, 10 of mantissa; beyond 65504 infinity. */
export function roundToFloat16(values: Float32Array): void {
  for (let i = 0; i < values.length; i++) {
    const x = values[i];
    // Below 2^-14 the steps are 2^-24. Zero keeps its sign.
    if (x !== 0 && Math.abs(x) < 2 ** -14) {
      const size = (Math.abs(x) * 2 ** 24 + integers - integers) * 2 ** -24;
      values[i] = x < 0 ? -size : size;
    }
  }
  dropBits(values, 13);
  for (let i = 0; i < values.length; i++) {
    if (Math.abs(values[i]) > 65504) values[i] = Math.sign(values[i]) * Number.POSITIVE_INFINITY;
  }
}

/** Rounds an array that holds values of a float type. */
export function roundAll(dtype: Dtype, values: Float32Array): void {
  if (dtype === 'bfloat16') roundToBfloat16(values);
  else if (dtype === 'float16') roundToFloat16(values);
}

/** One number, rounded to a float type. */
export function roundTo(dtype: Dtype, value: number): number {
  const one = Float32Array.of(value);
  roundAll(dtype, one);
  return one[0];
}
