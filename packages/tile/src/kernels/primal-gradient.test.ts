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
import { naiveLayerNorm } from '../testing/feed-forward.js';
import { inner, numericGradient, pick, sumParts, sumRows } from '../testing/numeric-gradient.js';
import { naivePrimal, type PrimalArrays, primalArrays } from '../testing/primal.js';

const sizes = { batch: 2, length: 21, width: 32, heads: 2, rank: 3 };
const { batch, length, width, heads, rank } = sizes;
const headSize = width / heads;
/** The tokens whose LN(x) has another use besides. */
const landmarks = [16, 0, 20, 7];

/** Their rows of [B, N, d]. */
function landmarksOf(h: Float64Array): number[] {
  const rowOf = (token: number): number[] => [...h.subarray(token * width, (token + 1) * width)];
  return Array.from({ length: batch }, (_, sample) =>
    landmarks.flatMap((token) => rowOf(sample * length + token)),
  ).flat();
}

function problem(rate: number, dtype: 'float32' | 'bfloat16', draw: DropoutDraw) {
  const { key, factors } = dropoutFactors([batch, length, width], rate, 9, draw);
  const given = primalArrays(sizes);
  const mask = Array.from({ length: batch * length }, (_, i) => (i % 5 === 0 ? 0 : 1));
  const dy = randomArray(batch * length * width, 30);
  const dsquares = randomArray(batch * 2 * heads * rank, 31);
  const drows = randomArray(batch * landmarks.length * width, 32);
  const places = Array.from({ length }, (_, token) => landmarks.indexOf(token));
  /** Compares a gradient by one array with the derivatives of the plain formulation. */
  const expectClose = (name: keyof PrimalArrays, gradient: ArrayLike<number>, tolerance: number): void => {
    const { places, values } = numericGradient((values) => {
      const arrays = { ...given, [name]: values };
      const { y, squares } = naivePrimal(arrays, sizes, { mask, factors });
      const h = naiveLayerNorm(arrays.x, arrays.gamma, arrays.beta, width);
      return inner(dy, y) + inner(dsquares, squares) + inner(drows, landmarksOf(h));
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
  const rows = { places, drows };
  return { config, inputs: { ...used, mask, key, dy, dsquares }, rows, given, expectClose };
}

const cases = [
  ['float32', 0, 'elements', 5e-6],
  ['float32', 0.3, 'elements', 5e-6],
  ['float32', 0.3, 'products', 5e-6],
  // What enters the products, and dx, have 8 bits; three products follow one another.
  ['bfloat16', 0.3, 'products', 2 ** -5],
] as const;

/** The gradients by the matrices, and what the one by x follows from. */
function weightGradient({ config, inputs }: Pick<ReturnType<typeof problem>, 'config' | 'inputs'>) {
  const { grid, results } = primalWeightGradientProgram(config);
  const [dz, parts, dprojections] = results.map(({ shape }) => shape);
  const outputs = { dz, parts, dprojections };
  const made = interpret(primalWeightGradient(config), { grid, inputs, outputs, roundTf32: false });
  return { made, grid };
}

describe('primalGradient', () => {
  it.each(cases)(
    'in %s at rate %d, drawn by %s, gives the derivatives by x and the vectors',
    (dtype, rate, draw, tolerance) => {
      const { config: common, inputs, rows, expectClose } = problem(rate, dtype, draw);
      const config = { ...common, landmarks: landmarks.length };
      const { grid, results } = primalGradientProgram(config);
      const [dx, parts] = results.map(({ shape }) => shape);
      const { x, gamma, beta, wq, wk, mask, key, dy } = inputs;
      const { dz } = weightGradient({ config: common, inputs }).made;
      const made = interpret(primalGradient(config), {
        grid,
        inputs: { x, gamma, beta, wq, wk, mask, key, dy, dz, ...rows },
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
      const { made, grid } = weightGradient({ config, inputs });
      const sums = sumRows(made.parts, primalWeightGradientLayout(config));
      for (const name of ['wq', 'wk', 'bq', 'bk', 'combine'] as const) {
        expectClose(name, sums[name], tolerance);
      }
      // The projections are each sample's own, [H, B, programs, p, 2 s].
      const [size, programs] = [headSize * 2 * rank, grid[0]];
      const ofEach = Array.from({ length: heads * batch }, (_, i) => [
        ...sumParts(made.dprojections.subarray(i * programs * size, (i + 1) * programs * size), size),
      ]);
      expectClose('projections', ofEach.flat(), tolerance);
    },
  );
});
