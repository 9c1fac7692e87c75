import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { literal } from './hlo/literals.js';
import { evaluate, xla } from './testing/compare.js';

const special = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1e-7,
  -1e-7,
  1e21,
  -1e21,
  3.4028235e38,
  -3.4028235e38,
  1e39,
  16777217,
  0.1,
  1 / 3,
  1.17549435e-38,
];

/** Eagerly and compiled. */
const both = (fn: () => tf.Tensor): number[][] =>
  [fn, () => xla().jit(fn)()].map((run) => evaluate('xla', run)[0].values);

describe('numbers in programs', () => {
  it.each(special)('float %d is what float32 makes of it, as a constant and as an input', (value) => {
    const expected = Math.fround(value);
    for (const fn of [
      () => tf.fill([2], value),
      () => tf.scalar(value).mul(1),
      () => tf.scalar(value).mul(tf.onesLike(tf.scalar(0))),
    ]) {
      for (const values of both(fn)) expect(values.every((v) => Object.is(v, expected))).toBe(true);
    }
  });

  it('random floats keep every bit', () => {
    fc.assert(
      fc.property(fc.float({ noNaN: true }), (value) => {
        const isDenormal = value !== 0 && Math.abs(value) < 1.1754943508222875e-38;
        fc.pre(!isDenormal);
        for (const [v] of both(() => tf.fill([1], value))) expect(Object.is(v, value)).toBe(true);
      }),
      { numRuns: 25 },
    );
  });

  it('denormal floats count as 0 in arithmetic', () => {
    for (const value of [1e-45, 1e-40, -1e-40]) {
      const half = (x: tf.Tensor) => x.mul(0.5);
      const x = tf.tensor1d([value]);
      for (const fn of [half, xla().jit(half)]) expect(Math.abs(fn(x).dataSync()[0])).toBe(0);
    }
  });

  it('integers are exact, up to their ends', () => {
    for (const value of [2147483647, -2147483648, 0, -1, 16777217]) {
      for (const fn of [
        () => tf.fill([2], value, 'int32'),
        () => tf.scalar(value, 'int32').mul(tf.scalar(1, 'int32')),
      ]) {
        for (const values of both(fn)) expect(values.every((v) => v === value)).toBe(true);
      }
    }
  });

  it('booleans', () => {
    for (const [value, expected] of [
      [true, 1],
      [false, 0],
    ] as const) {
      for (const values of both(() => tf.fill([2], value as never, 'bool')))
        expect(values).toEqual([expected, expected]);
      for (const values of both(() => tf.logicalAnd(tf.scalar(value, 'bool'), tf.scalar(true, 'bool')))) {
        expect(values).toEqual([expected]);
      }
    }
  });

  it('constants of different numbers make different programs', () => {
    const zeros = [0, -0].map((zero) => both(() => tf.div(1, tf.fill([1], zero))));
    expect(zeros[0]).toEqual([[Number.POSITIVE_INFINITY], [Number.POSITIVE_INFINITY]]);
    expect(zeros[1]).toEqual([[Number.NEGATIVE_INFINITY], [Number.NEGATIVE_INFINITY]]);
  });
});

describe('literals', () => {
  it('are what the parser takes', () => {
    expect(literal(Number.NaN, 'f32')).toBe('0x7FC00000');
    expect(literal(Number.NEGATIVE_INFINITY, 'f32')).toBe('0xFF800000');
    expect(literal(Number.POSITIVE_INFINITY, 'f64')).toBe('0x7FF0000000000000');
    expect(literal(-0, 'f32')).toBe('-0.0');
    expect(literal(1e21, 'f32')).toBe('1.0000000200408773e+21');
    expect(literal(2, 'f32')).toBe('2.0');
    expect(literal(1, 'complex<f32>')).toBe('(1.0, 0.0)');
    expect(literal(1, 'i1')).toBe('true');
    expect(literal(-3.9, 'i32')).toBe('-3');
  });
});
