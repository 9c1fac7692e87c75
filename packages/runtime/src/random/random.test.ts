import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  dropout,
  foldIn,
  jit,
  matrixDropout,
  matrixWords,
  nextRandomKey,
  RandomStream,
  randomBernoulli,
  randomBits,
  randomKey,
  randomNormal,
  randomUniform,
  split,
  withRandomKey,
} from '../index.js';

const read = (x: tf.Tensor) => [...x.dataSync()];

/** Runs on tfjs's own CPU backend, where the portable kernels are. */
function onCpu<T>(fn: () => T): T {
  const before = tf.getBackend();
  tf.setBackend('cpu');
  try {
    return fn();
  } finally {
    tf.setBackend(before);
  }
}

function moments(values: ArrayLike<number>): { mean: number; variance: number } {
  let [sum, squares] = [0, 0];
  for (let i = 0; i < values.length; i++) {
    sum += values[i];
    squares += values[i] ** 2;
  }
  const mean = sum / values.length;
  return { mean, variance: squares / values.length - mean ** 2 };
}

function correlation(a: ArrayLike<number>, b: ArrayLike<number>): number {
  const [x, y] = [moments(a), moments(b)];
  let product = 0;
  for (let i = 0; i < a.length; i++) product += (a[i] - x.mean) * (b[i] - y.mean);
  return product / a.length / Math.sqrt(x.variance * y.variance);
}

describe('stateless random numbers', () => {
  it('have the same bits on every backend, eager and compiled', () => {
    fc.assert(
      fc.property(fc.maxSafeInteger(), fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seed, data) => {
        const draw = () => {
          const key = foldIn(randomKey(seed), data);
          return [
            key,
            randomBits(key, [3, 5]),
            randomUniform(key, [7]),
            ...split(key, 2),
            randomBernoulli(key, 0.3, [9]),
          ].map(read);
        };
        const expected = onCpu(draw);
        expect(draw()).toEqual(expected);
        const compiled = jit((key: tf.Tensor1D, data: tf.Scalar) => {
          const folded = foldIn(key, data);
          return [folded, randomBits(folded, [3, 5]), randomUniform(folded, [7])];
        });
        const results = compiled(randomKey(seed), tf.scalar(data, 'int32'));
        expect(results.map(read)).toEqual(expected.slice(0, 3));
      }),
      { numRuns: 8 },
    );
  });

  it('never change: a seed gives these numbers for good', () => {
    const key = randomKey(666);
    expect(read(randomBits(key, [3]))).toMatchInlineSnapshot(`
      [
        -1913475342,
        302723103,
        -1068502269,
      ]
    `);
    expect(read(foldIn(key, 1))).toMatchInlineSnapshot(`
      [
        286310313,
        880032506,
      ]
    `);
    const stream = new RandomStream(666, 'weights');
    expect([stream.uint32(), stream.uint32(), stream.derive('layer').uint32()]).toMatchInlineSnapshot(`
      [
        3035682984,
        2799865106,
        2846200260,
      ]
    `);
  });

  it('are uniform, normal and independent as far as 200,000 draws tell', () => {
    const n = 200_000;
    const key = randomKey(1);
    const uniform = read(randomUniform(key, [n]));
    expect(Math.min(...uniform.slice(0, 1000))).toBeGreaterThanOrEqual(0);
    expect(Math.max(...uniform.slice(0, 1000))).toBeLessThan(1);
    const { mean, variance } = moments(uniform);
    expect(Math.abs(mean - 1 / 2)).toBeLessThan(5 * Math.sqrt(1 / 12 / n));
    expect(Math.abs(variance - 1 / 12)).toBeLessThan(5 * Math.sqrt(1 / 180 / n));
    // Chi-squared over 256 cells: mean 255, deviation 22.6.
    const cells = new Array<number>(256).fill(0);
    for (const u of uniform) cells[Math.floor(u * 256)]++;
    const chi = cells.reduce((sum, count) => sum + (count - n / 256) ** 2 / (n / 256), 0);
    expect(chi).toBeGreaterThan(255 - 5 * 22.6);
    expect(chi).toBeLessThan(255 + 5 * 22.6);
    // Neighbours, neighbouring keys, folds and seeds.
    const limit = 5 / Math.sqrt(n);
    const others = [
      uniform.slice(1),
      uniform.slice(1024),
      read(randomUniform(foldIn(key, 0), [n])),
      read(randomUniform(randomKey(2), [n])),
      read(randomUniform(split(key, 2)[1], [n])),
    ];
    for (const other of others) {
      expect(Math.abs(correlation(uniform.slice(0, other.length), other))).toBeLessThan(limit * 1.1);
    }
    const folds = [0, 1, 2].map((i) => read(randomUniform(foldIn(key, i), [n])));
    expect(Math.abs(correlation(folds[0], folds[1]))).toBeLessThan(limit);
    expect(Math.abs(correlation(folds[1], folds[2]))).toBeLessThan(limit);
    const normal = read(randomNormal(key, [n], 3, 2));
    const shape = moments(normal);
    expect(Math.abs(shape.mean - 3)).toBeLessThan((5 * 2) / Math.sqrt(n));
    expect(Math.abs(shape.variance - 4)).toBeLessThan(5 * 4 * Math.sqrt(2 / n));
    const kurtosis = normal.reduce((sum, x) => sum + ((x - 3) / 2) ** 4, 0) / n;
    expect(Math.abs(kurtosis - 3)).toBeLessThan(5 * Math.sqrt(96 / n));
  });

  it('refuse keys, seeds, shapes and rates that make no sense', () => {
    const key = randomKey(1);
    expect(() => randomKey(1.5)).toThrow(/safe integer, got 1.5/);
    expect(() => randomUniform(tf.ones([2]) as tf.Tensor1D, [3])).toThrow(
      /int32 tensor of shape \[2\].*float32 \[2\]/,
    );
    expect(() => randomUniform(key, [-1])).toThrow(/shape/);
    expect(() => randomUniform(key, [2], 1, 1)).toThrow(/max must be above min/);
    expect(() => foldIn(key, 0.5)).toThrow(/got 0.5/);
    expect(() => dropout(tf.ones([2]), 1, key)).toThrow(/rate must be in \[0, 1\), got 1/);
    expect(() => randomBernoulli(key, 1.1, [2])).toThrow(/got 1.1/);
  });
});

describe('dropout', () => {
  it('keeps the mean, scales what it keeps, and has the gradient of its mask', () => {
    const x = tf.ones([40_000]);
    const key = randomKey(3);
    const y = read(dropout(x, 0.1, key));
    const kept = y.filter((value) => value !== 0);
    for (const value of new Set(kept)) expect(value).toBeCloseTo(1 / 0.9, 6);
    expect(Math.abs(kept.length / y.length - 0.9)).toBeLessThan(5 * Math.sqrt(0.09 / y.length));
    const gradient = read(tf.grad((x: tf.Tensor) => dropout(x, 0.1, key).sum())(x));
    expect(gradient).toEqual(y);
  });

  it('draws anew in each call of a compiled step that counts', () => {
    const count = tf.variable(tf.scalar(0, 'int32'));
    const key = randomKey(5);
    const step = jit((x: tf.Tensor) => {
      const result = dropout(x, 0.5, foldIn(key, count as unknown as tf.Scalar));
      count.assign(count.add(tf.scalar(1, 'int32')));
      return result;
    });
    const masks = Array.from({ length: 4 }, () => read(step(tf.ones([64]))).join());
    expect(new Set(masks).size).toBe(4);
  });

  it('of rate 0 is the identity', () => {
    expect(read(dropout(tf.tensor1d([1, 2]), 0, randomKey(1)))).toEqual([1, 2]);
  });
});

describe('dropout of matrices', () => {
  const kept = (seed: number, rate: number, shape: number[]): Float32Array =>
    tf.tidy(() => {
      const words = matrixWords(randomKey(seed), shape);
      return tf.cast(tf.notEqual(matrixDropout(tf.ones(shape), rate, words), 0), 'float32').dataSync();
    }) as Float32Array;

  it('follows from the words as is said, on every backend, eager and compiled', () => {
    const shape = [2, 5, 7];
    const [key, x] = [randomKey(3), tf.ones(shape)];
    const words = matrixWords(key, shape);
    expect([words.rows.shape, words.columns.shape]).toEqual([[2, 5], [7]]);
    expect(read(words.rows)).toEqual(read(randomBits(foldIn(key, 0), [2, 5])));
    expect(read(words.columns)).toEqual(read(randomBits(foldIn(key, 1), [7])));
    const [rows, columns] = [read(words.rows), read(words.columns)];
    const expected = rows.flatMap((r) =>
      columns.map((c) => ((Math.imul(r, c) >>> 8) * 2 ** -24 < Math.fround(0.6) ? Math.fround(1 / 0.6) : 0)),
    );
    const drop = (x: tf.Tensor, key: tf.Tensor1D): tf.Tensor =>
      matrixDropout(x, 0.4, matrixWords(key, shape));
    expect(read(drop(x, key))).toEqual(expected);
    expect(onCpu(() => read(drop(tf.ones(shape), randomKey(3))))).toEqual(expected);
    expect(read(jit(drop)(x, key))).toEqual(expected);
    expect(read(tf.grad((x: tf.Tensor) => tf.sum(drop(x, key)))(x))).toEqual(expected);
  });

  it.each([0.1, 0.5])('of rate %d is as good as independent', (rate) => {
    const [rows, columns] = [1024, 1024];
    const scale = 1 / Math.sqrt(rate * (1 - rate));
    /** Of mean 0 and variance 1. */
    const draw = (seed: number): Float32Array =>
      kept(seed, rate, [rows, columns]).map((value) => (value - (1 - rate)) * scale);
    const [a, b] = [draw(1), draw(2)];
    const z = (terms: Float32Array): number =>
      terms.reduce((sum, term) => sum + term, 0) / Math.sqrt(terms.length);
    expect(Math.abs(z(a))).toBeLessThan(5);
    // Another key; the neighbours in a row, in a column, and across.
    expect(Math.abs(z(a.map((value, i) => value * b[i])))).toBeLessThan(5);
    for (const distance of [1, 2, 3, 32, 64, columns, 2 * columns, columns + 1, 64 * columns]) {
      const products = a.subarray(distance).map((value, i) => value * a[i]);
      expect(Math.abs(z(products)), `distance ${distance}`).toBeLessThan(5);
    }
    // The corners of rectangles, whose four products of words are no four independent numbers.
    const corners = a.subarray(columns + 1).map((value, i) => value * a[i] * a[i + 1] * a[i + columns]);
    expect(Math.abs(z(corners))).toBeLessThan(5);
    // Of all pairs of 256 rows, and of columns: 32,640 numbers of a normal distribution.
    const pairs = (at: (line: number, i: number) => number): void => {
      let [squares, most] = [0, 0];
      for (let p = 0; p < 256; p++) {
        for (let q = 0; q < p; q++) {
          let sum = 0;
          for (let i = 0; i < 1024; i++) sum += at(p, i) * at(q, i);
          squares += sum ** 2 / 1024;
          most = Math.max(most, Math.abs(sum) / 32);
        }
      }
      const count = (256 * 255) / 2;
      expect(Math.abs(squares / count - 1)).toBeLessThan(5 * Math.sqrt(2 / count));
      expect(most).toBeLessThan(6.5);
    };
    pairs((row, i) => a[row * columns + i]);
    pairs((column, i) => a[i * columns + column]);
    // How many are kept of each row and of each column varies as binomially.
    for (const step of [1, columns]) {
      const sums = Array.from({ length: 1024 }, (_, line) => {
        let sum = 0;
        for (let i = 0; i < 1024; i++) sum += a[step === 1 ? line * columns + i : i * columns + line];
        return sum / 32;
      });
      expect(Math.abs(moments(sums).variance - 1)).toBeLessThan(5 * Math.sqrt(2 / 1024));
    }
  });

  it('refuses words of another matrix', () => {
    const words = matrixWords(randomKey(1), [3, 4]);
    expect(() => matrixDropout(tf.ones([3, 5]), 0.1, words)).toThrow(
      /words of the rows and columns of \[3,5\].*int32 \[3\] and int32 \[4\]/,
    );
    expect(() => matrixDropout(tf.ones([3, 4]), 1, words)).toThrow(/matrixDropout: rate must be in \[0, 1\)/);
    expect(() => matrixWords(randomKey(1), [])).toThrow(/matrices \[\.\., M, N\], got \[\]/);
  });
});

describe('ambient keys', () => {
  it('follow the order of the calls, within their scope', () => {
    const key = randomKey(9);
    const draw = () =>
      withRandomKey(key, () => [
        read(nextRandomKey()),
        withRandomKey(foldIn(key, 7), () => read(nextRandomKey())),
        read(nextRandomKey()),
      ]);
    const [first, inner, second] = draw();
    expect(first).toEqual(read(foldIn(key, 0)));
    expect(inner).toEqual(read(foldIn(foldIn(key, 7), 0)));
    expect(second).toEqual(read(foldIn(key, 1)));
    expect(draw()).toEqual([first, inner, second]);
  });

  it('end with their scope, also when it throws', () => {
    expect(() =>
      withRandomKey(randomKey(1), () => {
        throw new Error('x');
      }),
    ).toThrow('x'); // prettier-ignore
    expect(read(nextRandomKey())).not.toEqual(read(foldIn(randomKey(1), 0)));
    expect(read(nextRandomKey())).not.toEqual(read(nextRandomKey()));
  });

  it.runIf(tf.getBackend() === 'xla')(
    'are refused inside jit without a scope, where they would be frozen',
    () => {
      expect(() => jit(() => nextRandomKey())()).toThrow(/withRandomKey/);
    },
  );
});

describe('RandomStream', () => {
  it('is the same for a seed and name, and another for another', () => {
    const draw = (seed: number, name?: string) =>
      Array.from(
        { length: 5 },
        (
          (s) => () =>
            s.uint32()
        )(new RandomStream(seed, name)),
      );
    expect(draw(1, 'a')).toEqual(draw(1, 'a'));
    expect(draw(1, 'a')).not.toEqual(draw(1, 'b'));
    expect(draw(1, 'a')).not.toEqual(draw(2, 'a'));
    expect(new RandomStream(1, 'a').derive('b').uint32()).toBe(new RandomStream(1, 'a/b').uint32());
  });

  it('permutes without bias', () => {
    const counts = new Map<string, number>();
    const stream = new RandomStream(4);
    for (let i = 0; i < 6000; i++) {
      const order = stream.permutation(3).join('');
      counts.set(order, (counts.get(order) ?? 0) + 1);
    }
    expect(counts.size).toBe(6);
    for (const count of counts.values()) expect(Math.abs(count - 1000)).toBeLessThan(5 * Math.sqrt(1000));
    expect([...stream.permutation(100)].sort((a, b) => a - b)).toEqual(
      Array.from({ length: 100 }, (_, i) => i),
    );
  });

  it('goes on beyond 2^16 words without repeating itself', () => {
    const stream = new RandomStream(1);
    const words = new Set(Array.from({ length: 0x20000 }, () => stream.uint32()));
    expect(words.size).toBeGreaterThan(0x20000 - 20);
  });

  it('has normal numbers', () => {
    const stream = new RandomStream(2, 'normal');
    const { mean, variance } = moments(Array.from({ length: 50_000 }, () => stream.normal()));
    expect(Math.abs(mean)).toBeLessThan(5 / Math.sqrt(50_000));
    expect(Math.abs(variance - 1)).toBeLessThan(5 * Math.sqrt(2 / 50_000));
  });
});
