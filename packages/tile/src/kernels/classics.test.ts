import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  arange,
  dot,
  input,
  interpret,
  kernel,
  loop,
  output,
  programId,
  type StoredDtype,
  type Tile,
  zeros,
} from '../index.js';
import { roundTo } from '../language/rounding.js';
import { matrixProduct, randomArray, relativeError } from '../testing/arrays.js';
import { naiveLayerNorm } from '../testing/feed-forward.js';
import { layerNorm } from './layer-norm.js';

/** C = A B in tiles of 16 x 32, with steps of 16 along k; sizes need not divide. */
function product(dtype: 'bfloat16' | 'float16' | 'float32', [m, k, n]: readonly [number, number, number]) {
  const [rows, columns, deep] = [16, 32, 16];
  const signature = { a: input(dtype), b: input(dtype), c: output('float32') };
  return kernel('product', signature, ({ a, b, c }) => {
    const i = programId(0).mul(rows).add(arange(rows)).expandDims(1); // [rows, 1]
    const j = programId(1).mul(columns).add(arange(columns)).expandDims(0); // [1, columns]
    const sum = loop({ to: k, step: deep }, zeros([rows, columns]), (from, sum) => {
      const l = from.add(arange(deep));
      const [across, down] = [l.expandDims(0), l.expandDims(1)];
      const x = a.load(i.mul(k).add(across), { mask: i.less(m).and(across.less(k)) });
      const y = b.load(down.mul(n).add(j), { mask: down.less(k).and(j.less(n)) });
      return dot(x, y, { accumulator: sum });
    });
    c.store(i.mul(n).add(j), sum, { mask: i.less(m).and(j.less(n)) });
  });
}

const sizes = fc.tuple(
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 40 }),
  fc.integer({ min: 1, max: 70 }),
);

function expectProduct(
  dtype: 'bfloat16' | 'float16' | 'float32',
  size: readonly [number, number, number],
  roundTf32: boolean,
): number {
  const [m, k, n] = size;
  const rounded = (seed: number, count: number) =>
    randomArray(count, seed).map((x) => roundTo(dtype as StoredDtype, x));
  const [a, b] = [rounded(1, m * k), rounded(2, k * n)];
  const { c } = interpret(product(dtype, size), {
    grid: [Math.ceil(m / 16), Math.ceil(n / 32)],
    inputs: { a, b },
    outputs: { c: [m, n] },
    roundTf32,
  });
  return relativeError(c, matrixProduct(a, b, size));
}

describe('a matrix product', () => {
  it.each(['bfloat16', 'float16', 'float32'] as const)('of %s is the plain one, in odd sizes', (dtype) => {
    fc.assert(
      fc.property(sizes, (size) => {
        // Sums are float32, rounded once for each 16 products.
        expect(expectProduct(dtype, size, false)).toBeLessThan(1e-6);
      }),
      { numRuns: 15 },
    );
  });

  it('of float32 loses what TF32 cannot hold, unless told otherwise', () => {
    const error = expectProduct('float32', [33, 40, 50], true);
    // 2^-11 of each operand, at most.
    expect(error).toBeLessThan(2 ** -10);
    expect(error).toBeGreaterThan(1e-6);
  });
});

describe('softmax of rows', () => {
  const softmax = (columns: number) => {
    const block = 2 ** Math.ceil(Math.log2(columns));
    return kernel('softmax', { x: input('float32'), y: output('float32') }, ({ x, y }) => {
      const [row, j] = [programId().mul(columns), arange(block)];
      const inside = j.less(columns);
      const value = x.plus(row).load(j, { mask: inside, other: Number.NEGATIVE_INFINITY });
      const e = value.sub(value.max(0)).exp();
      y.plus(row).store(j, e.div(e.sum(0)), { mask: inside });
    });
  };

  it('is the plain one, in odd sizes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 1, max: 100 }), (rows, columns) => {
        const x = randomArray(rows * columns, 3).map((v) => 20 * v);
        const { y } = interpret(softmax(columns), {
          grid: rows,
          inputs: { x },
          outputs: { y: [rows, columns] },
        });
        const expected = Float64Array.from(x, (v, i) => {
          const row = x.subarray(i - (i % columns), i - (i % columns) + columns);
          return Math.exp(v) / row.reduce((sum, w) => sum + Math.exp(w), 0);
        });
        // A few roundings of float32.
        expect(relativeError(y, expected)).toBeLessThan(1e-6);
      }),
      { numRuns: 30 },
    );
  });

  it('shows NaN', () => {
    const { y } = interpret(softmax(3), { grid: 1, inputs: { x: [1, Number.NaN, 2] }, outputs: { y: 3 } });
    expect([...y]).toEqual([Number.NaN, Number.NaN, Number.NaN]);
  });
});

describe('a layer norm', () => {
  it('is the plain one, in odd numbers of rows', () => {
    const width = 32;
    const norm = (rows: number) =>
      kernel(
        'norm',
        { x: input('float32'), gamma: input('float32'), beta: input('float32'), y: output('float32') },
        ({ x, gamma, beta, y }) => {
          const i = programId().mul(8).add(arange(8)).expandDims(1);
          const at = i.mul(width).add(arange(width).expandDims(0));
          const row = (vector: typeof x): Tile => vector.load(arange(width)).expandDims(0);
          const { result } = layerNorm(x.load(at, { mask: i.less(rows) }), row(gamma), row(beta), 1e-5);
          y.store(at, result, { mask: i.less(rows) });
        },
      );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 30 }), (rows) => {
        const [x, gamma, beta] = [randomArray(rows * width, 4), randomArray(width, 5), randomArray(width, 6)];
        const { y } = interpret(norm(rows), {
          grid: Math.ceil(rows / 8),
          inputs: { x, gamma, beta },
          outputs: { y: [rows, width] },
        });
        // A few roundings of float32.
        expect(relativeError(y, naiveLayerNorm(x, gamma, beta, width))).toBeLessThan(1e-6);
      }),
      { numRuns: 15 },
    );
  });
});
