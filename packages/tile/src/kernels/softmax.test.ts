import { describe, expect, it } from 'vitest';
import { interpret, type SoftmaxConfig, softmaxAttention, softmaxAttentionProgram } from '../index.js';
import { relativeError } from '../testing/arrays.js';
import { matrixDropoutFactors } from '../testing/factors.js';
import { naiveSoftmax, paddedKeys, type SoftmaxArrays, softmaxArrays } from '../testing/softmax.js';

/** The kernel on tiles that are small enough for several of them. */
function attend(
  config: SoftmaxConfig,
  given: SoftmaxArrays,
  extra: { mask: number[]; rows: number[]; columns: number[] },
) {
  const tiled = { queriesPerTile: 16, keysPerTile: 16, ...config };
  const { grid, results } = softmaxAttentionProgram(tiled);
  const [o, most, total] = results.map(({ shape }) => shape);
  return interpret(softmaxAttention(tiled), {
    grid,
    inputs: { ...given, ...extra },
    outputs: { o, most, total },
    roundTf32: false,
  });
}

/** Output of kernel and plain formulation. */
function both(config: SoftmaxConfig, spread = 1) {
  const { batch, length, heads, rate = 0 } = config;
  const { words, factors } = matrixDropoutFactors([heads, batch, length, length], rate, 11);
  const given = softmaxArrays(config, spread);
  const mask = paddedKeys(config);
  const made = attend(config, given, { mask, ...words });
  return { ...made, expected: naiveSoftmax(given, config, { mask, factors }) };
}

const sizes = { batch: 3, length: 37, heads: 2, headSize: 16 } as const;

describe('softmaxAttention', () => {
  it.each<[SoftmaxConfig, number]>([
    // float32 arithmetic throughout; a few dozen roundings.
    [{ ...sizes, dtype: 'float32' }, 2e-6],
    [{ ...sizes, dtype: 'float32', length: 64, headSize: 32, rate: 0.3 }, 2e-6],
    [{ ...sizes, dtype: 'float32', length: 1, rate: 0.3 }, 2e-6],
    [{ ...sizes, dtype: 'float32', length: 75, queriesPerTile: 32, rate: 0.3, maskKeys: true }, 2e-6],
    [{ ...sizes, dtype: 'float32', length: 75, keysPerTile: 32, causal: true }, 2e-6],
    [{ ...sizes, dtype: 'float32', rate: 0.3, maskKeys: true, causal: true }, 2e-6],
    [{ ...sizes, dtype: 'float32', rate: 0.3, maskKeys: true, maskMode: 'additive' }, 2e-6],
    [{ ...sizes, dtype: 'float32', maskKeys: true, maskMode: 'additive', causal: true }, 2e-6],
    [{ ...sizes, dtype: 'float32', maskKeys: true, maskMode: 'gpt2' }, 2e-6],
    [{ ...sizes, dtype: 'float32', rate: 0.3, maskKeys: true, maskMode: 'gpt2', causal: true }, 2e-6],
    [{ ...sizes, dtype: 'float32', maskMode: 'gpt2', causal: true }, 2e-6],
    // What enters the products and the result have 8 bits.
    [{ ...sizes, dtype: 'bfloat16' }, 2 ** -7],
    [{ ...sizes, dtype: 'bfloat16', rate: 0.3, maskKeys: true, maskMode: 'additive' }, 2 ** -6],
  ])('with %o is the plain formulation', (config, tolerance) => {
    const { o, expected } = both(config);
    expect(relativeError(o, expected)).toBeLessThan(tolerance);
  });

  it('takes scores whose exponentials float32 does not hold', () => {
    const { o, most, expected } = both({ ...sizes, dtype: 'float32', rate: 0.3, maskKeys: true }, 300);
    expect(Math.max(...most)).toBeGreaterThan(200);
    // Scores of some hundreds are right to 2^-16, and a weight follows from the difference of two.
    expect(relativeError(o, expected)).toBeLessThan(2 ** -14);
  });

  it('gives zeros where no key is left, in the exact mode alone', () => {
    const padded = 2 * sizes.length * sizes.heads * sizes.headSize; // where the third sample begins
    const exact = both({ ...sizes, dtype: 'float32', maskKeys: true });
    expect(exact.o.subarray(padded).every((value) => value === 0)).toBe(true);
    expect(exact.total.subarray(2 * sizes.heads * sizes.length).every((value) => value === 0)).toBe(true);
    const additive = both({ ...sizes, dtype: 'float32', maskKeys: true, maskMode: 'additive' });
    expect(Math.max(...additive.o.subarray(padded))).toBeGreaterThan(0.1);
  });

  it('keeps the largest score and the sum of exponentials of each query', () => {
    const config = { ...sizes, dtype: 'float32', rate: 0.3 } as const;
    const { most, total } = both(config);
    const { q, k } = softmaxArrays(config);
    const row = ([sample, head, i]: readonly number[]): number[] =>
      Array.from({ length: sizes.length }, (_, j) => {
        const at = (token: number) => ((sample * sizes.length + token) * sizes.heads + head) * sizes.headSize;
        let product = 0;
        for (let f = 0; f < sizes.headSize; f++) product += q[at(i) + f] * k[at(j) + f];
        return product / Math.sqrt(sizes.headSize);
      });
    for (const [sample, head, i] of [
      [0, 0, 0],
      [1, 1, 20],
      [2, 0, 36],
    ]) {
      const scores = row([sample, head, i]);
      const at = (sample * sizes.heads + head) * sizes.length + i;
      // In units of log 2.
      expect(most[at] * Math.LN2).toBeCloseTo(Math.max(...scores), 5);
      const sum = scores.reduce((sum, score) => sum + Math.exp(score - Math.max(...scores)), 0);
      // Before dropout.
      expect(2 ** total[at] / sum).toBeCloseTo(1, 5);
    }
  });

  it('gives the same numbers however tokens are shared out', () => {
    const config = { ...sizes, length: 70, rate: 0.5, maskKeys: true, dtype: 'float32' } as const;
    const given = softmaxArrays(config);
    const { words } = matrixDropoutFactors([2, 3, 70, 70], 0.5, 2);
    const extra = { mask: paddedKeys(config), ...words };
    const small = attend(config, given, extra);
    const large = attend({ ...config, queriesPerTile: 64, keysPerTile: 128 }, given, extra);
    // Sums in another order.
    expect(relativeError(small.o, large.o)).toBeLessThan(1e-6);
  });

  it('becomes a program whose arrays and costs are those of the formulation', () => {
    const program = softmaxAttentionProgram({ batch: 32, length: 4096, heads: 2, headSize: 32, rate: 0.1 });
    expect(program).toMatchObject({ name: 'softmax_attention', grid: [4096 / 128, 32, 2], numWarps: 8 });
    const [tokens, numbers] = [
      [32, 4096, 64],
      [32, 2, 4096],
    ];
    const words = [[2, 32, 4096], [4096]];
    expect(program.operands.map(({ shape }) => shape)).toEqual([
      ...[tokens, tokens, tokens, [32, 4096]],
      ...words,
    ]);
    expect(program.results.map(({ shape }) => shape)).toEqual([tokens, numbers, numbers]);
    // Three arrays of tokens in bfloat16 and one in float32; mask and columns; words, largest scores and sums of each row.
    expect(program.bytes).toBe(32 * 4096 * 64 * (3 * 2 + 4) + (32 * 4096 + 4096 + 3 * 32 * 2 * 4096) * 4);
    const products = 2 * 32 * 2 * 4096 ** 2 * 2 * 32;
    expect(program.flops / products).toBeGreaterThan(1);
    expect(program.flops / products).toBeLessThan(1.15);
  });

  it('does not compute tiles of later keys', () => {
    const flops = (length: number, causal: boolean, maskMode: 'exact' | 'gpt2' = 'exact') =>
      softmaxAttentionProgram({
        ...sizes,
        length,
        causal,
        maskMode,
        queriesPerTile: 32,
        keysPerTile: 16,
      }).flops;
    // Rows of 32 queries see 2 tiles of keys each; those of 64: 2 and 4 instead of 4 and 4.
    const ofTwoTiles = (flops(64, false) - 2 * flops(32, false)) / 2;
    expect(flops(64, true)).toBe(flops(64, false) - ofTwoTiles);
    expect(flops(64, true, 'gpt2')).toBeGreaterThan(flops(64, false));
  });

  it.each([
    [{ length: 0 }, /softmaxAttention: length must be 1 or more, got 0/],
    [{ batch: 1.5 }, /softmaxAttention: batch must be 1 or more, got 1\.5/],
    [{ headSize: 24 }, /softmaxAttention: headSize must be a power of two of 16 or more, got 24/],
    [{ headSize: 8 }, /softmaxAttention: headSize must be a power of two of 16 or more, got 8/],
    [{ rate: 1 }, /softmaxAttention: rate must be in \[0, 1\), got 1/],
    [{ keysPerTile: 8 }, /softmaxAttention: keysPerTile must be a power of two of 16 or more, got 8/],
    [
      { maskMode: 'hard' as never },
      /softmaxAttention: maskMode must be one of exact, additive, gpt2, got hard/,
    ],
  ])('refuses %o', (wrong, message) => {
    expect(() => softmaxAttention({ ...sizes, ...wrong })).toThrow(message);
  });
});
