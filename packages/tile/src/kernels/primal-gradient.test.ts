import { describe, expect, it } from 'vitest';
import {
  type DropoutDraw,
  interpret,
  primalGradient,
  primalGradientLayout,
  primalGradientProgram,
  primalWeightGradient,
  primalWeightGradientLayout,
  primalWeightGradientProgram,
} from '../index.js';
import { randomArray, relativeError } from '../testing/arrays.js';
import { dropoutFactors } from '../testing/factors.js';
import { inner, numericGradient, pick, sumParts, sumRows } from '../testing/numeric-gradient.js';
import { naivePrimal, type PrimalArrays, primalArrays } from '../testing/primal.js';

const sizes = { batch: 2, length: 21, width: 32, heads: 2, rank: 3 };
const { batch, length, width, heads, rank } = sizes;
const headSize = width / heads;

function problem(rate: number, dtype: 'float32' | 'bfloat16', draw: DropoutDraw) {
  const { key, factors } = dropoutFactors([batch, length, width], rate, 9, draw);
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
  const config = {
    ...sizes,
    rate,
    draw,
    dtype,
    maskOutput: true,
    rowsPerTile: 16,
    tilesPerProgram: 1,
  } as const;
  const { inner: _, bias: __, ...used } = given;
  return { config, inputs: { ...used, mask, key, dy, dsquares }, given, expectClose };
}

const cases = [
  ['float32', 0, 'elements', 5e-6],
  ['float32', 0.3, 'elements', 5e-6],
  ['float32', 0.3, 'products', 5e-6],
  // What enters the products, and dx, have 8 bits; three products follow one another.
  ['bfloat16', 0.3, 'products', 2 ** -5],
] as const;

/** The gradients by the matrices of both sides, which the one by x follows. */
function sidesOf({ config, inputs }: Pick<ReturnType<typeof problem>, 'config' | 'inputs'>) {
  const run = (side: 'query' | 'key') => {
    const { grid, results } = primalWeightGradientProgram(config, side);
    const [dz, parts, da] = results.map(({ shape }) => shape);
    return interpret(primalWeightGradient(config, side), {
      grid,
      inputs,
      outputs: { dz, parts, da },
      roundTf32: false,
    });
  };
  return { query: run('query'), key: run('key') };
}

describe('primalGradient', () => {
  it.each(cases)(
    'in %s at rate %d, drawn by %s, gives the derivatives by x and the vectors',
    (dtype, rate, draw, tolerance) => {
      const { config, inputs, expectClose } = problem(rate, dtype, draw);
      const { query, key } = sidesOf({ config, inputs });
      const { grid, results } = primalGradientProgram(config);
      const [dx, parts] = results.map(({ shape }) => shape);
      const { x, gamma, beta, wq, wk, mask, dy } = inputs;
      const made = interpret(primalGradient(config), {
        grid,
        inputs: { x, gamma, beta, wq, wk, mask, key: inputs.key, dy, dzq: query.dz, dzk: key.dz },
        outputs: { dx, parts },
        roundTf32: false,
      });
      expectClose('x', made.dx, tolerance);
      const sums = sumRows(made.parts, primalGradientLayout(config));
      for (const name of ['gamma', 'beta', 'inner', 'bias'] as const)
        expectClose(name, sums[name], tolerance);
    },
  );
});

describe('primalWeightGradient', () => {
  it.each(cases)(
    'in %s at rate %d, drawn by %s, gives the derivatives by the matrices',
    (dtype, rate, draw, tolerance) => {
      const { config, inputs, expectClose } = problem(rate, dtype, draw);
      const made = sidesOf({ config, inputs });
      const layout = primalWeightGradientLayout(config);
      const sums = { query: sumRows(made.query.parts, layout), key: sumRows(made.key.parts, layout) };
      const [programs] = primalWeightGradientProgram(config, 'query').grid;
      const size = headSize * rank;
      const names = { query: ['wq', 'bq', 'ae'], key: ['wk', 'bk', 'ar'] } as const;
      for (const side of ['query', 'key'] as const) {
        const [w, b, a] = names[side];
        expectClose(w, sums[side].map, tolerance);
        expectClose(b, sums[side].bias, tolerance);
        // The projections are each sample's own, [H, B, programs, p, s].
        const { da } = made[side];
        const ofEach = Array.from({ length: heads * batch }, (_, i) =>
          sumParts(da.subarray(i * programs * size, (i + 1) * programs * size), size),
        );
        expectClose(
          a,
          ofEach.flatMap((sum) => [...sum]),
          tolerance,
        );
      }
      expectClose('combine', [...sums.query.combine, ...sums.key.combine], tolerance);
    },
  );
});
