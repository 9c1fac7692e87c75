import { describe, expect, it } from 'vitest';
import { RandomStream } from './random.js';

const draw = (stream: RandomStream, n: number, count: number): number[] =>
  Array.from({ length: count }, () => stream.below(n));

describe('RandomStream', () => {
  it('follows from seed and name', () => {
    expect(draw(new RandomStream(1, 'a', 2), 10, 8)).toEqual(draw(new RandomStream(1, 'a', 2), 10, 8));
    const others = [new RandomStream(2, 'a', 2), new RandomStream(1, 'b', 2), new RandomStream(1, 'a', 3)];
    const drawn = [new RandomStream(1, 'a', 2), ...others].map((stream) => draw(stream, 1e9, 4).join());
    expect(new Set(drawn).size).toBe(4);
  });

  it('is the same on every machine', () => {
    expect(draw(new RandomStream(1, 'golden'), 1000, 8)).toMatchInlineSnapshot(`
      [
        38,
        277,
        311,
        94,
        237,
        180,
        98,
        248,
      ]
    `);
    expect(new RandomStream(1, 'golden').float()).toMatchInlineSnapshot(`0.038535425642743815`);
  });

  it('is uniform', () => {
    const stream = new RandomStream(3, 'uniform');
    const counts = new Array(7).fill(0);
    for (let i = 0; i < 70_000; i++) counts[stream.below(7)]++;
    // 4 standard deviations of a binomial count are 370.
    for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(370);
    let sum = 0;
    for (let i = 0; i < 10_000; i++) sum += stream.float();
    // The mean of 10,000 uniform numbers has standard deviation 0.0029.
    expect(Math.abs(sum / 10_000 - 0.5)).toBeLessThan(0.012);
  });

  it('permutes', () => {
    const order = new RandomStream(4, 'order').permutation(100);
    expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect([...order]).not.toEqual(Array.from({ length: 100 }, (_, i) => i));
    expect(new RandomStream(4, 'order').permutation(0)).toHaveLength(0);
  });

  it('needs a whole seed', () => {
    expect(() => new RandomStream(1.5)).toThrow('seed must be a whole number, got 1.5');
  });
});
