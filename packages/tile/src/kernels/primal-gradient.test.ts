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
import { inner, numericGradient, sumParts } from '../testing/numeric-gradient.js';
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
  /** The derivative by one array, as the plain formulation has it. */
  const numeric = (name: keyof PrimalArrays): Float64Array =>
    numericGradient((values) => {
      const { y, squares } = naivePrimal({ ...given, [name]: values }, sizes, { mask, factors });
      return inner(dy, y) + inner(dsquares, squares);
    }, given[name]);
  const config = { ...sizes, rate, dtype, maskOutput: true, rowsPerTile: 16, tilesPerProgram: 1 } as const;
  const { inner: _, bias: __, ...used } = given;
  return { config, inputs: { ...used, mask, key, dy, dsquares }, given, numeric };
}

const cases = [
  ['float32', 0, 5e-6],
  ['float32', 0.3, 5e-6],
  // What enters the products, and dx, have 8 bits; three products follow one another.
  ['bfloat16', 0.3, 2 ** -5],
] as const;

describe('primalGradient', () => {
  it.each(cases)('in %s at rate %d gives the derivatives by x and the vectors', (dtype, rate, tolerance) => {
    const { config, inputs, given, numeric } = problem(rate, dtype);
    const { grid, results } = primalGradientProgram(config);
    const [dx, dgamma, dbeta, dinner, dbias] = results.map(({ shape }) => shape);
    const made = interpret(primalGradient(config), {
      grid,
      inputs,
      outputs: { dx, dgamma, dbeta, dinner, dbias },
      roundTf32: false,
    });
    expect(relativeError(made.dx, numeric('x'))).toBeLessThan(tolerance);
    for (const name of ['gamma', 'beta', 'inner', 'bias'] as const) {
      const sum = sumParts(made[`d${name}`], given[name].length);
      expect(relativeError(sum, numeric(name)), name).toBeLessThan(tolerance);
    }
  });
});

describe('primalWeightGradient', () => {
  it.each(cases)('in %s at rate %d gives the derivatives by the matrices', (dtype, rate, tolerance) => {
    const { config, inputs, numeric } = problem(rate, dtype);
    for (const side of ['query', 'key'] as const) {
      const { grid, results } = primalWeightGradientProgram(config, side);
      const [dw, db, da, dcombine] = results.map(({ shape }) => shape);
      const made = interpret(primalWeightGradient(config, side), {
        grid,
        inputs,
        outputs: { dw, db, da, dcombine },
        roundTf32: false,
      });
      const [programs] = grid;
      const close = (given: ArrayLike<number>, expected: ArrayLike<number>, name: string) =>
        expect(relativeError(given, expected), `${name} of ${side}`).toBeLessThan(tolerance);
      // Sums over samples and programs, a head at a time.
      const perHead = (parts: Float32Array, head: number): Float64Array => {
        const each = parts.length / heads;
        return sumParts(parts.subarray(head * each, (head + 1) * each), each / (batch * programs));
      };
      const map = numeric(side === 'query' ? 'wq' : 'wk');
      const bias = numeric(side === 'query' ? 'bq' : 'bk');
      const combine = numeric('combine');
      for (let head = 0; head < heads; head++) {
        const ofHead = map.filter((_, i) => Math.floor((i % width) / headSize) === head);
        close(perHead(made.dw, head), ofHead, 'W');
        close(perHead(made.db, head), bias.subarray(head * headSize, (head + 1) * headSize), 'b');
        const first = (side === 'query' ? head : heads + head) * rank * width;
        close(perHead(made.dcombine, head), combine.subarray(first, first + rank * width), 'C');
      }
      // The projections are each sample's own.
      const projection = numeric(side === 'query' ? 'ae' : 'ar');
      const size = headSize * rank;
      for (let i = 0; i < heads * batch; i++) {
        const parts = made.da.subarray(i * programs * size, (i + 1) * programs * size);
        close(sumParts(parts, size), projection.subarray(i * size, (i + 1) * size), 'A');
      }
    }
  });
});
