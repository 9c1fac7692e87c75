import { describe, expect, it } from 'vitest';
import {
  type DropoutDraw,
  feedForwardGradient,
  feedForwardGradientLayout,
  feedForwardGradientProgram,
  interpret,
} from '../index.js';
import { randomArray, relativeError } from '../testing/arrays.js';
import { dropoutFactors } from '../testing/factors.js';
import { feedForwardArrays, naiveFeedForward } from '../testing/feed-forward.js';
import { type Derivatives, inner, numericGradient, pick, sumRows } from '../testing/numeric-gradient.js';

const [rows, width, hidden] = [21, 16, 16];

/** The gradients by the kernel, sums of all programs' parts. */
function gradients(rate: number, dtype: 'float32' | 'bfloat16', draw: DropoutDraw) {
  const ofHidden = dropoutFactors([rows, hidden], rate, 7, draw);
  const ofOutput = dropoutFactors([rows, width], rate, 8, draw);
  const given = feedForwardArrays(rows, width, hidden);
  const dy = randomArray(rows * width, 20);
  const config = { rows, width, hidden, rate, draw, dtype, rowsPerTile: 16, tilesPerProgram: 1 };
  const program = feedForwardGradientProgram(config);
  const kernel = feedForwardGradient(config);
  const [dx, parts] = program.results.map(({ shape }) => shape);
  const { b2: _, ...used } = given;
  const made = interpret(kernel, {
    grid: program.grid,
    inputs: { ...used, dy, keys: [...ofHidden.key, ...ofOutput.key] },
    outputs: { dx, parts },
    roundTf32: false,
  });
  const factors = { hidden: ofHidden.factors, output: ofOutput.factors };
  const numeric = (name: keyof typeof given): Derivatives =>
    numericGradient(
      (values) => inner(dy, naiveFeedForward({ ...given, [name]: values }, [rows, width, hidden], factors)),
      given[name],
    );
  return { given, made, numeric };
}

describe('feedForwardGradient', () => {
  it.each([
    ['float32', 0, 'elements', 5e-6],
    ['float32', 0.3, 'elements', 5e-6],
    ['float32', 0.3, 'products', 5e-6],
    // What enters the products, and dx, have 8 bits.
    ['bfloat16', 0.3, 'products', 2 ** -6],
  ] as const)(
    'in %s at rate %d, drawn by %s, gives the derivatives of the plain formulation',
    (dtype, rate, draw, tolerance) => {
      const { given, made, numeric } = gradients(rate, dtype, draw);
      const expectClose = (name: keyof typeof given, gradient: ArrayLike<number>): void => {
        const { places, values } = numeric(name);
        expect(relativeError(pick(gradient, places), values), name).toBeLessThan(tolerance);
      };
      expectClose('x', made.dx);
      const sums = sumRows(made.parts, feedForwardGradientLayout({ width, hidden }));
      for (const name of ['w1', 'b1', 'w2', 'b2', 'gamma', 'beta'] as const) expectClose(name, sums[name]);
    },
  );
});
