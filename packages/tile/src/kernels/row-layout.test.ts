import fc from 'fast-check';
import { expect, it } from 'vitest';
import { feedForwardGradientLayout, primalGradientLayout, primalWeightGradientLayout } from '../index.js';
import { rowLayout } from './row-layout.js';

const elements = (shape: readonly number[]): number => shape.reduce((product, n) => product * n, 1);

it('arrays follow one another in their order, without gaps', () => {
  const shape = fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 3 });
  fc.assert(
    fc.property(fc.array(shape, { maxLength: 6 }), (shapes) => {
      const layout = rowLayout(Object.fromEntries(shapes.map((shape, i) => [`array${i}`, shape])));
      let end = 0;
      for (const [i, shape] of shapes.entries()) {
        expect(layout.places[`array${i}`]).toEqual({ offset: end, shape });
        end += elements(shape);
      }
      expect(layout.size).toBe(end);
    }),
  );
});

it("the gradients' rows hold every weight, at places where a warp's stores can be wide", () => {
  const power = fc.integer({ min: 4, max: 8 }).map((n) => 2 ** n);
  const config = fc.record({
    width: power,
    hidden: power,
    heads: fc.constantFrom(1, 2),
    rank: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(config, ({ width, hidden, heads, rank }) => {
      const layouts = [
        feedForwardGradientLayout({ width, hidden }),
        primalGradientLayout({ width }),
        primalWeightGradientLayout({ width, heads, rank }),
      ];
      for (const { size, places } of layouts) {
        const list = Object.values(places);
        expect(list.reduce((sum, { shape }) => sum + elements(shape), 0)).toBe(size);
        for (const n of [size, ...list.map(({ offset }) => offset)]) expect(n % 16).toBe(0);
      }
    }),
  );
});
