import { describe, expect, it } from 'vitest';
import { feedForward, feedForwardProgram, interpret } from '../index.js';
import { relativeError } from '../testing/arrays.js';
import { dropoutFactors } from '../testing/factors.js';
import { feedForwardArrays, naiveFeedForward } from '../testing/feed-forward.js';

const [width, hidden] = [16, 32];

const arrays = (rows: number) => feedForwardArrays(rows, width, hidden);

describe('feedForward', () => {
  const grid = (rows: number) => Math.ceil(rows / 32);

  it.each([
    // float32 arithmetic throughout; a few dozen roundings.
    ['float32', 64, 0, 'elements', 2e-6],
    ['float32', 50, 0.3, 'elements', 2e-6],
    ['float32', 1, 0.3, 'elements', 2e-6],
    ['float32', 50, 0.3, 'products', 2e-6],
    // What enters the products and the result have 8 bits.
    ['bfloat16', 64, 0.3, 'products', 2 ** -7],
    ['bfloat16', 41, 0, 'elements', 2 ** -7],
  ] as const)(
    'in %s with %d rows and rate %d, drawn by %s, is the plain formulation',
    (dtype, rows, rate, draw, tolerance) => {
      const given = arrays(rows);
      const ofHidden = dropoutFactors([rows, hidden], rate, 7, draw);
      const ofOutput = dropoutFactors([rows, width], rate, 8, draw);
      const kernel = feedForward({
        rows,
        width,
        hidden,
        rate,
        draw,
        dtype,
        rowsPerTile: 16,
        tilesPerProgram: 2,
      });
      const { y } = interpret(kernel, {
        grid: grid(rows),
        inputs: { ...given, keys: [...ofHidden.key, ...ofOutput.key] },
        outputs: { y: [rows, width] },
        roundTf32: false,
      });
      const expected = naiveFeedForward(given, [rows, width, hidden], {
        hidden: ofHidden.factors,
        output: ofOutput.factors,
      });
      expect(relativeError(y, expected)).toBeLessThan(tolerance);
    },
  );

  it('gives the same numbers however rows are shared out', () => {
    const rows = 40;
    const given = { ...arrays(rows), keys: [1, 2, 3, 4] };
    const run = (rowsPerTile: number, tilesPerProgram: number) => {
      const config = { rows, width, hidden, rate: 0.5, rowsPerTile, tilesPerProgram };
      const [programs] = feedForwardProgram(config).grid;
      return interpret(feedForward(config), { grid: programs, inputs: given, outputs: { y: [rows, width] } })
        .y;
    };
    expect(run(16, 1)).toEqual(run(32, 3));
  });

  it('becomes a program whose arrays and costs are those of the formulation', () => {
    const program = feedForwardProgram({ rows: 1000, width: 64, hidden: 128, rate: 0.1 });
    expect(program).toMatchObject({ name: 'feed_forward', grid: [2, 1, 1], numWarps: 4, numStages: 1 });
    expect(program.operands.map(({ shape }) => shape)).toEqual([
      [1000, 64],
      [64],
      [64],
      [64, 128],
      [128],
      [128, 64],
      [64],
      [2, 2],
    ]);
    expect(program.results).toEqual([{ shape: [1000, 64], dtype: 'bfloat16' }]);
    // Two products of 64 x 128 for each of the 1,024 rows that are computed, and some arithmetic on 320 numbers.
    const products = 1024 * 2 * 2 * 64 * 128;
    expect(program.flops).toBeGreaterThan(products);
    expect(program.flops).toBeLessThan(products * 1.2);
    expect(program.bytes).toBe(2 * 2 * 1000 * 64 + 4 * (2 * 64 * 128 + 3 * 64 + 128) + 4 * 4);
  });

  it.each([
    [{ rows: 0, width, hidden }, /feedForward: rows must be 1 or more, got 0/],
    [{ rows: 8, width: 48, hidden }, /feedForward: width must be a power of two of 16 or more, got 48/],
    [{ rows: 8, width, hidden: 8 }, /feedForward: hidden must be a power of two of 16 or more, got 8/],
    [{ rows: 8, width, hidden, rate: 1 }, /feedForward: rate must be in \[0, 1\), got 1/],
    [
      { rows: 8, width, hidden, rowsPerTile: 24 },
      /feedForward: rowsPerTile must be a power of two of 16 or more, got 24/,
    ],
    [{ rows: 8, width, hidden, tilesPerProgram: 0 }, /feedForward: tilesPerProgram must be 1 or more, got 0/],
  ])('refuses %o', (config, message) => {
    expect(() => feedForward(config)).toThrow(message);
  });
});
