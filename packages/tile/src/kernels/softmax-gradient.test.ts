import { describe, expect, it } from 'vitest';
import {
  interpret,
  type SoftmaxConfig,
  softmaxAttention,
  softmaxAttentionProgram,
  softmaxKeyGradient,
  softmaxKeyGradientProgram,
  softmaxQueryGradient,
  softmaxQueryGradientProgram,
} from '../index.js';
import { randomArray, relativeError } from '../testing/arrays.js';
import { matrixDropoutFactors } from '../testing/factors.js';
import { inner, numericGradient, pick } from '../testing/numeric-gradient.js';
import { naiveSoftmax, naiveSoftmaxGradient, paddedKeys, softmaxArrays } from '../testing/softmax.js';

const sizes = { batch: 3, length: 37, heads: 2, headSize: 16 } as const;

function problem(config: SoftmaxConfig, spread = 1) {
  const { batch, length, heads, rate = 0 } = config;
  const { words, factors } = matrixDropoutFactors([heads, batch, length, length], rate, 12);
  const given = softmaxArrays(config, spread);
  return { given, words, factors, mask: paddedKeys(config), dy: randomArray(given.q.length, 50) };
}

/** Forward pass and both gradients by the kernels; the plain gradient. */
function both(config: SoftmaxConfig, spread = 1) {
  const { given, words, factors, mask, dy } = problem(config, spread);
  const tiled = { queriesPerTile: 16, keysPerTile: 16, ...config };
  const inputs = { ...given, ...words, mask };
  const forward = softmaxAttentionProgram(tiled);
  const [tokens, numbers] = forward.results.map(({ shape }) => shape);
  const { o, most, total } = interpret(softmaxAttention(tiled), {
    grid: forward.grid,
    inputs,
    outputs: { o: tokens, most: numbers, total: numbers },
    roundTf32: false,
  });
  const ofQueries = interpret(softmaxQueryGradient(tiled), {
    grid: softmaxQueryGradientProgram(tiled).grid,
    inputs: { ...inputs, most, total, o, dy },
    outputs: { dq: tokens, inner: numbers },
    roundTf32: false,
  });
  const ofKeys = interpret(softmaxKeyGradient(tiled), {
    grid: softmaxKeyGradientProgram(tiled).grid,
    inputs: { ...inputs, most, total, dy, inner: ofQueries.inner },
    outputs: { dk: tokens, dv: tokens },
    roundTf32: false,
  });
  const made = { dq: ofQueries.dq, dk: ofKeys.dk, dv: ofKeys.dv };
  return { made, expected: naiveSoftmaxGradient(given, config, { mask, factors }, dy) };
}

const names = ['dq', 'dk', 'dv'] as const;

describe('the plain gradient', () => {
  it.each<SoftmaxConfig>([
    { ...sizes, length: 7, rate: 0.3, maskKeys: true },
    { ...sizes, length: 7, rate: 0.3, maskMode: 'gpt2', causal: true },
  ])('with %o is that of the plain formulation', (config) => {
    const { given, factors, mask, dy } = problem(config);
    const gradient = naiveSoftmaxGradient(given, config, { mask, factors }, dy);
    for (const name of ['q', 'k', 'v'] as const) {
      const { places, values } = numericGradient(
        (values) => inner(dy, naiveSoftmax({ ...given, [name]: values }, config, { mask, factors })),
        given[name],
      );
      // What central differences are right to.
      expect(relativeError(pick(gradient[`d${name}`], places), values), name).toBeLessThan(1e-6);
    }
  });
});

describe('softmaxQueryGradient and softmaxKeyGradient', () => {
  it.each<[SoftmaxConfig, number]>([
    // float32 arithmetic throughout; a few dozen roundings.
    [{ ...sizes, dtype: 'float32' }, 5e-6],
    [{ ...sizes, dtype: 'float32', length: 64, headSize: 32, rate: 0.3 }, 5e-6],
    [{ ...sizes, dtype: 'float32', length: 75, queriesPerTile: 32, rate: 0.3, maskKeys: true }, 5e-6],
    [{ ...sizes, dtype: 'float32', length: 75, queriesPerTile: 64, causal: true }, 5e-6],
    [{ ...sizes, dtype: 'float32', length: 75, keysPerTile: 64, causal: true, maskKeys: true }, 5e-6],
    [{ ...sizes, dtype: 'float32', rate: 0.3, maskKeys: true, maskMode: 'additive' }, 5e-6],
    [{ ...sizes, dtype: 'float32', maskKeys: true, maskMode: 'additive', causal: true }, 5e-6],
    [{ ...sizes, dtype: 'float32', rate: 0.3, maskKeys: true, maskMode: 'gpt2', causal: true }, 5e-6],
    // What enters the products, o and the gradients have 8 bits; three products follow one another.
    [{ ...sizes, dtype: 'bfloat16' }, 2 ** -5],
    [{ ...sizes, dtype: 'bfloat16', rate: 0.3, maskKeys: true }, 2 ** -5],
  ])('with %o give the derivatives of the plain formulation', (config, tolerance) => {
    const { made, expected } = both(config);
    for (const name of names) {
      expect(relativeError(made[name], expected[name]), name).toBeLessThan(tolerance);
    }
  });

  it('give the one value all of the gradient when there is one token', () => {
    const { made, expected } = both({ ...sizes, dtype: 'float32', length: 1, rate: 0.3 });
    expect(relativeError(made.dv, expected.dv)).toBeLessThan(1e-6);
    // Exactly 0 in exact arithmetic; w (dw - dy . o) leaves roundings of numbers of about 10.
    for (const name of ['dq', 'dk'] as const) {
      expect(Math.max(...made[name].map(Math.abs)), name).toBeLessThan(1e-5);
    }
  });

  it('give zeros where no key is left', () => {
    const { made } = both({ ...sizes, dtype: 'float32', rate: 0.3, maskKeys: true });
    const padded = 2 * sizes.length * sizes.heads * sizes.headSize; // where the third sample begins
    for (const name of names) {
      expect(
        made[name].subarray(padded).every((value) => value === 0),
        name,
      ).toBe(true);
      expect(
        made[name].subarray(0, padded).some((value) => value !== 0),
        name,
      ).toBe(true);
    }
  });

  it('take scores whose exponentials float32 does not hold', () => {
    const { made, expected } = both({ ...sizes, dtype: 'float32', rate: 0.3 }, 300);
    for (const name of names) {
      // Scores of some hundreds are right to 2^-16, and a weight follows from the difference of two.
      expect(relativeError(made[name], expected[name]), name).toBeLessThan(2 ** -14);
    }
  });

  it('become programs whose arrays and costs are those of the formulation', () => {
    const config = { batch: 32, length: 4096, heads: 2, headSize: 32, rate: 0.1 };
    const [tokens, numbers] = [
      [32, 4096, 64],
      [32, 2, 4096],
    ];
    const words = [[2, 32, 4096], [4096]];
    const read = [...[tokens, tokens, tokens, [32, 4096]], ...words, numbers, numbers];
    const query = softmaxQueryGradientProgram(config);
    expect(query.name).toBe('softmax_query_gradient');
    expect(query.operands.map(({ shape }) => shape)).toEqual([...read, tokens, tokens]);
    expect(query.results.map(({ shape }) => shape)).toEqual([tokens, numbers]);
    const key = softmaxKeyGradientProgram(config);
    expect(key.name).toBe('softmax_key_gradient');
    expect(key.operands.map(({ shape }) => shape)).toEqual([...read, tokens, numbers]);
    expect(key.results.map(({ shape }) => shape)).toEqual([tokens, tokens]);
    const product = 32 * 2 * 4096 ** 2 * 2 * 32;
    for (const [program, products] of [
      [query, 3],
      [key, 4],
    ] as const) {
      expect(program.flops / (products * product)).toBeGreaterThan(1);
      expect(program.flops / (products * product)).toBeLessThan(1.15);
    }
  });

  it('do not compute tiles that no query sees', () => {
    const flops = (program: typeof softmaxKeyGradientProgram, length: number, causal: boolean) =>
      program({ ...sizes, length, causal, queriesPerTile: 16, keysPerTile: 32 }).flops;
    // Tiles of queries and keys together: 2 for 32 tokens, 8 for 64, of which 2 are later.
    const ofTwoTiles =
      (flops(softmaxKeyGradientProgram, 64, false) - 2 * flops(softmaxKeyGradientProgram, 32, false)) / 2;
    expect(flops(softmaxKeyGradientProgram, 64, true)).toBe(
      flops(softmaxKeyGradientProgram, 64, false) - ofTwoTiles,
    );
  });

  it.each([
    [{ heads: 0 }, /Gradient: heads must be 1 or more, got 0/],
    [{ queriesPerTile: 48 }, /Gradient: queriesPerTile must be a power of two of 16 or more, got 48/],
  ])('refuse %o', (wrong, message) => {
    expect(() => softmaxQueryGradient({ ...sizes, ...wrong })).toThrow(message);
    expect(() => softmaxKeyGradient({ ...sizes, ...wrong })).toThrow(message);
  });
});
