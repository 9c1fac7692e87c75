import { describe, expect, it } from 'vitest';
import {
  interpret,
  primalGradient,
  primalGradientProgram,
  primalWeightGradient,
  primalWeightGradientProgram,
} from '../index.js';
import { randomArray, relativeError } from '../testing/arrays.js';
import { dropoutFactors } from '../testing/factors.js';
import { inner, numericGradient, pick, sumParts } from '../testing/numeric-gradient.js';
import { naivePrimal, type PrimalArrays, primalArrays } from '../testing/primal.js';

const sizes = { batch: 2, length: 21, width: 32, heads: 2, rank: 3 };
const { batch, length, width, heads, rank } = sizes;
const headSize = width / heads;

function problem(rate: number, dtype: 'float32' | 'bfloat16') {
  const { key, factors } = dropoutFactors([batch, length, width], rate, 9);
  const given = primalArrays(sizes);
  const mask = Array.from({ length: batch * length }, (_, i) => (i % 5 === 0 ? 0 : 1));
  const dy = randomArray(batch * length * width, 30);
  const dsquares = randomArray(batch * 2 * heads * rank, 31);
  /** Compares a gradient by one array with the derivatives of the plain formulation. */
  const expectClose = (name: keyof PrimalArrays, gradient: ArrayLike<number>, tolerance: number): void => {
    const { places, values } = numericGradient((values) => {
      const { y, squares } = naivePrimal({ ...given, [name]: values }, sizes, { mask, factors });
      return inner(dy, y) + inner(dsquares, squares);
    }, given[name]);
    expect(gradient.length).toBe(given[name].length);
    expect(relativeError(pick(gradient, places), values), name).toBeLessThan(tolerance);
  };
  const config = { ...sizes, rate, dtype, maskOutput: true, rowsPerTile: 16, tilesPerProgram: 1 } as const;
  const { inner: _, bias: __, ...used } = given;
  return { config, inputs: { ...used, mask, key, dy, dsquares }, given, expectClose };
}

const cases = [
  ['float32', 0, 5e-6],
  ['float32', 0.3, 5e-6],
  // What enters the products, and dx, have 8 bits; three products follow one another.
  ['bfloat16', 0.3, 2 ** -5],
] as const;

describe('primalGradient', () => {
  it.each(cases)('in %s at rate %d gives the derivatives by x and the vectors', (dtype, rate, tolerance) => {
    const { config, inputs, given, expectClose } = problem(rate, dtype);
    const { grid, results } = primalGradientProgram(config);
    const [dx, dgamma, dbeta, dinner, dbias] = results.map(({ shape }) => shape);
    const made = interpret(primalGradient(config), {
      grid,
      inputs,
      outputs: { dx, dgamma, dbeta, dinner, dbias },
      roundTf32: false,
    });
    expectClose('x', made.dx, tolerance);
    for (const name of ['gamma', 'beta', 'inner', 'bias'] as const) {
      expectClose(name, sumParts(made[`d${name}`], given[name].length), tolerance);
    }
  });
});

describe('primalWeightGradient', () => {
  it.each(cases)('in %s at rate %d gives the derivatives by the matrices', (dtype, rate, tolerance) => {
    const { config, inputs, expectClose } = problem(rate, dtype);
    const run = (side: 'query' | 'key') => {
      const { grid, results } = primalWeightGradientProgram(config, side);
      const [dw, db, da, dcombine] = results.map(({ shape }) => shape);
      return interpret(primalWeightGradient(config, side), {
        grid,
        inputs,
        outputs: { dw, db, da, dcombine },
        roundTf32: false,
      });
    };
    const made = { query: run('query'), key: run('key') };
    const [programs] = primalWeightGradientProgram(config, 'query').grid;
    /** Sums of the parts that stand next to each other. @param size of the array that a part is of */
    const total = (parts: Float32Array, size: number, summed: number): Float64Array[] =>
      Array.from({ length: parts.length / (size * summed) }, (_, i) =>
        sumParts(parts.subarray(i * size * summed, (i + 1) * size * summed), size),
      );
    const all = batch * programs;
    /** Columns of all heads side by side, [d, H p]. */
    const sideBySide = (ofHeads: Float64Array[]): number[] =>
      Array.from({ length: width * width }, (_, i) => {
        const [row, column] = [Math.floor(i / width), i % width];
        return ofHeads[Math.floor(column / headSize)][row * headSize + (column % headSize)];
      });
    const joined = (parts: Float64Array[]): number[] => parts.flatMap((part) => [...part]);
    const names = { query: ['wq', 'bq', 'ae'], key: ['wk', 'bk', 'ar'] } as const;
    for (const side of ['query', 'key'] as const) {
      const [w, b, a] = names[side];
      expectClose(w, sideBySide(total(made[side].dw, width * headSize, all)), tolerance);
      expectClose(b, joined(total(made[side].db, headSize, all)), tolerance);
      // The projections are each sample's own.
      expectClose(a, joined(total(made[side].da, headSize * rank, programs)), tolerance);
    }
    const combine = (side: 'query' | 'key') => joined(total(made[side].dcombine, rank * width, all));
    expectClose('combine', [...combine('query'), ...combine('key')], tolerance);
  });
});
