import { describe, expect, it } from 'vitest';
import { interpret, normSums, normSumsGradient, normSumsGradientProgram, normSumsProgram } from '../index.js';
import { randomArray, relativeError } from '../testing/arrays.js';
import { naiveLayerNorm } from '../testing/feed-forward.js';
import { inner, numericGradient, pick, sumParts } from '../testing/numeric-gradient.js';

const [batch, length, width] = [2, 21, 16];
const x = randomArray(batch * length * width, 1);
const mask = Array.from({ length: batch * length }, (_, i) => (i % 5 === 0 ? 0 : 1));

/** Token by token, in double precision. */
function naive(x: ArrayLike<number>): Float64Array {
  const ones = new Array(width).fill(1);
  const normal = naiveLayerNorm(x, ones, new Array(width).fill(0), width);
  const sums = new Float64Array(batch * width);
  for (const [i, value] of normal.entries()) {
    const token = Math.floor(i / width);
    sums[Math.floor(token / length) * width + (i % width)] += value * mask[token];
  }
  return sums;
}

const cases = [
  ['float32', 16, 1, 2e-6],
  ['float32', 32, 3, 2e-6],
  ['bfloat16', 16, 1, 2 ** -7],
] as const;

describe.each(cases)('in %s, %d tokens x %d', (dtype, rowsPerTile, tilesPerProgram, tolerance) => {
  const config = { batch, length, width, dtype, rowsPerTile, tilesPerProgram };

  it('normSums gives the sums of normalised tokens, of each sample', () => {
    const { grid, results } = normSumsProgram(config);
    const outputs = { parts: results[0].shape };
    const { parts } = interpret(normSums(config), { grid, inputs: { x, mask }, outputs, roundTf32: false });
    const size = grid[0] * width;
    const sums = Array.from({ length: batch }, (_, b) => [
      ...sumParts(parts.subarray(b * size, (b + 1) * size), width),
    ]).flat();
    expect(relativeError(sums, naive(x))).toBeLessThan(tolerance);
  });

  it('normSumsGradient gives its derivatives', () => {
    const dsums = randomArray(batch * width, 2);
    const { grid } = normSumsGradientProgram(config);
    const outputs = { dx: [batch, length, width] };
    const inputs = { x, mask, dsums };
    const { dx } = interpret(normSumsGradient(config), { grid, inputs, outputs, roundTf32: false });
    const { places, values } = numericGradient((values) => inner(dsums, naive(values)), x, 60);
    expect(relativeError(pick(dx, places), values)).toBeLessThan(tolerance);
  });
});
