import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { roundTo, roundToTf32 } from './rounding.js';

/** The nearest of all numbers with these exponents and mantissas, ties to the even one, by definition. */
function nearest(x: number, { mantissaBits, smallestExponent, largest }: Format): number {
  if (x === 0 || !Number.isFinite(x)) return x;
  const exponent = Math.max(Math.floor(Math.log2(Math.abs(x))), smallestExponent);
  // Math.log2 may be off by one beside a power of two; the finer grid holds the coarser one's points there.
  const exact = Math.abs(x) < 2 ** exponent && exponent > smallestExponent ? exponent - 1 : exponent;
  const step = 2 ** (exact - mantissaBits);
  const below = Math.floor(x / step);
  const rest = x / step - below;
  const up = rest > 0.5 || (rest === 0.5 && below % 2 !== 0);
  const rounded = (up ? below + 1 : below) * step;
  if (rounded === 0) return x < 0 ? -0 : 0;
  return Math.abs(rounded) > largest ? Math.sign(x) * Number.POSITIVE_INFINITY : rounded;
}

interface Format {
  mantissaBits: number;
  smallestExponent: number;
  largest: number;
}

const bfloat16 = { mantissaBits: 7, smallestExponent: -126, largest: 3.3895313892515355e38 };
const float16 = { mantissaBits: 10, smallestExponent: -14, largest: 65504 };

describe('rounding', () => {
  const float32 = fc.float({ noNaN: true });
  const moderate = fc.float({ min: -70000, max: 70000, noNaN: true });

  const tiny = fc.float({ min: -(2 ** -13), max: 2 ** -13, noNaN: true });

  it('to bfloat16 is to nearest, ties to even', () => {
    fc.assert(
      fc.property(float32, (x) => {
        expect(roundTo('bfloat16', x)).toBe(nearest(x, bfloat16));
      }),
    );
  });

  it('to float16 is to nearest, ties to even, with small numbers and infinity', () => {
    fc.assert(
      fc.property(fc.oneof(moderate, tiny), (x) => {
        expect(roundTo('float16', x)).toBe(nearest(x, float16));
      }),
    );
  });

  it('to TF32 keeps 10 bits of mantissa and the exponents of float32', () => {
    const one = Float32Array.of(1 + 2 ** -10, 1 + 2 ** -11, 1 + 3 * 2 ** -11, 1e38, -1e-38);
    const given = Float32Array.from(one);
    roundToTf32(one);
    expect([...one.subarray(0, 3)]).toEqual([1 + 2 ** -10, 1, 1 + 2 ** -9]);
    expect(one[3] / given[3]).toBeCloseTo(1, 3);
    expect(one[4] / given[4]).toBeCloseTo(1, 3);
  });

  it.each([
    ['bfloat16', 1 + 2 ** -8, 1],
    ['bfloat16', 1 + 3 * 2 ** -8, 1 + 2 ** -6],
    ['bfloat16', 3.4e38, Number.POSITIVE_INFINITY],
    ['bfloat16', Number.NaN, Number.NaN],
    ['bfloat16', -0, -0],
    ['float16', 65519, 65504],
    ['float16', 65520, Number.POSITIVE_INFINITY],
    ['float16', -65520, Number.NEGATIVE_INFINITY],
    ['float16', 2 ** -25, 0],
    ['float16', 3 * 2 ** -26, 2 ** -24],
    ['float16', Number.NaN, Number.NaN],
    ['float16', -0, -0],
    ['float32', 0.1, Math.fround(0.1)],
  ] as const)('to %s: %d is %d', (dtype, x, expected) => {
    expect(roundTo(dtype, x)).toBe(expected);
  });
});
