import { expect, it } from 'vitest';
import { arange, input, interpret, kernel, output, type Tile } from '../index.js';

/** What an operation gives of two or four numbers of float32. */
function of(x: readonly number[], operation: (x: Tile) => Tile): number[] {
  const made = kernel('operation', { x: input('float32'), y: output('float32') }, ({ x: from, y }) => {
    const at = arange(x.length);
    y.store(at, operation(from.load(at)));
  });
  return [...interpret(made, { grid: 1, inputs: { x }, outputs: { y: x.length } }).y];
}

// The instructions are ex2.approx.ftz.f32 and rsqrt.approx.ftz.f32: subnormal numbers are zeros of their sign.
it('rsqrt takes subnormal numbers as zeros of the same sign', () => {
  expect(of([0, -0, 1e-40, -1e-40], (x) => x.rsqrt())).toEqual([
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
  ]);
  const [normal, negative] = of([2 ** -126, -(2 ** -126)], (x) => x.rsqrt());
  expect(normal).toBe(2 ** 63);
  expect(negative).toBeNaN();
});

it('exp2 gives no subnormal numbers', () => {
  expect(of([-126, -126.5, -130, -1e-40], (x) => x.exp2())).toEqual([2 ** -126, 0, 0, 1]);
});
