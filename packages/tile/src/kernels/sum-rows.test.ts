import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { interpret, sumRows, sumRowsProgram } from '../index.js';
import { sumRows as naiveSumRows } from '../testing/numeric-gradient.js';
import { rowLayout } from './row-layout.js';

const names = ['a', 'b', 'c', 'd', 'e'] as const;
const shapes = fc.array(fc.array(fc.integer({ min: 1, max: 12 }), { maxLength: 2 }), {
  minLength: 1,
  maxLength: names.length,
});

describe('sumRows', () => {
  it('gives each array the sum of its parts', () => {
    fc.assert(
      fc.property(
        shapes,
        fc.integer({ min: 1, max: 300 }),
        fc.constantFrom(16, 64),
        (shapes, rows, block) => {
          const layout = rowLayout(Object.fromEntries(shapes.map((shape, i) => [names[i], shape])));
          // Whole numbers, whose sums are exact.
          const parts = Float32Array.from({ length: rows * layout.size }, (_, i) => ((i * 7919) % 201) - 100);
          const config = { rows, layout, block };
          const { grid, results } = sumRowsProgram(config);
          const outputs = Object.fromEntries(results.map(({ shape }, i) => [names[i], shape]));
          const made = interpret(sumRows(config), { grid, inputs: { rows: parts }, outputs });
          for (const [name, sums] of Object.entries(naiveSumRows(parts, layout))) {
            expect([...made[name]], name).toEqual([...sums]);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it('its programs take blocks of whole arrays without a mask, and read every row once', () => {
    const layout = rowLayout({ map: [64, 8], bias: [64] });
    const { grid, ir, bytes } = sumRowsProgram({ rows: 256, layout });
    expect(grid).toEqual([9, 1, 1]);
    // A mask would stand behind the pointers, or behind the values.
    expect(ir).toMatch(/tt\.load %\w+ :/);
    expect(ir).toMatch(/tt\.store %\w+, %\w+ :/);
    expect(bytes).toBe(4 * 257 * layout.size);
  });

  it.each([
    [{ rows: 0 }, /sumRowsProgram: rows must be 1 or more, got 0/],
    [{ block: 48 }, /sumRowsProgram: block must be a power of two, got 48/],
  ])('refuses %o', (wrong, message) => {
    expect(() => sumRowsProgram({ rows: 4, layout: rowLayout({ a: [64] }), ...wrong })).toThrow(message);
  });
});
