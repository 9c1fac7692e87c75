import * as tf from '@tensorflow/tfjs';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate, expectSameAsCpu, filled, xla } from '../testing/compare.js';

const { NaN: nan } = Number;

function topk(values: number[], k: number): [number[], number[]][] {
  const fn = () => {
    const { values: largest, indices } = tf.topk(tf.tensor1d(values), k);
    return [largest, indices];
  };
  return [fn, () => xla().jit(fn)()].map((run) => {
    const [largest, indices] = evaluate('xla', run);
    return [largest.values, indices.values];
  });
}

describe('topk', () => {
  it('ranks NaN last, wherever it stands', () => {
    for (const [values, indices] of topk([nan, 1, 2, 3], 3)) {
      expect(values).toEqual([3, 2, 1]);
      expect(indices).toEqual([3, 2, 1]);
    }
    for (const [values] of topk([1, 2, 3, nan], 3)) expect(values).toEqual([3, 2, 1]);
    for (const [values, indices] of topk([nan, 1, nan], 3)) {
      expect(values).toEqual([1, nan, nan]);
      expect(indices).toEqual([1, 0, 2]);
    }
    fc.assert(
      fc.property(fc.array(fc.constantFrom(nan, -1, 0, 1, 2), { minLength: 1, maxLength: 20 }), (list) => {
        const numbers = list.filter((value) => !Number.isNaN(value)).sort((a, b) => b - a);
        const expected = [...numbers, ...new Array(list.length - numbers.length).fill(nan)];
        for (const [values, indices] of topk(list, list.length)) {
          expect(values).toEqual(expected);
          expect(indices.map((i) => list[i])).toEqual(expected);
          expect(new Set(indices).size).toBe(list.length);
        }
      }),
      { numRuns: 20 },
    );
  });

  it('takes the first of equals first', () => {
    for (const [, indices] of topk([1, 3, 3, 2, 3], 4)) expect(indices).toEqual([1, 2, 4, 3]);
  });

  it('like tfjs', () => {
    expectSameAsCpu(() => {
      const { values, indices } = tf.topk(filled([3, 2, 7]), 4);
      return [values, indices];
    });
    expectSameAsCpu(() => {
      const { values, indices } = tf.topk(tf.tensor2d([3, -1, 7, 7, 0, -5], [2, 3], 'int32'), 2);
      return [values, indices];
    });
  });
});

describe('argMax and argMin', () => {
  const place = (fn: () => tf.Tensor): number[] =>
    [fn, () => xla().jit(fn)()].map((run) => evaluate('xla', run)[0].values[0]);

  it('pass NaN over at every size and place', () => {
    for (let size = 3; size < 20; size++) {
      for (let at = 0; at < size; at += 3) {
        const values = Array.from({ length: size }, (_, i) => (i === at ? nan : (i * 7) % size));
        const known = values.filter((value) => !Number.isNaN(value));
        const expected = [values.indexOf(Math.max(...known)), values.indexOf(Math.min(...known))];
        const x = () => tf.tensor1d(values);
        expect(
          evaluate('xla', () => [tf.argMax(x()), tf.argMin(x())]).map(({ values }) => values[0]),
        ).toEqual(expected);
      }
    }
  });

  it('are the same in jit', () => {
    expect(place(() => tf.argMax(tf.tensor1d([4, 5.5, nan])))).toEqual([1, 1]);
    expect(place(() => tf.argMax(tf.tensor1d([0, 3, 5, nan, 3])))).toEqual([2, 2]);
    expect(place(() => tf.argMin(tf.tensor1d([1, nan, 3])))).toEqual([0, 0]);
    for (const size of [3, 5, 8]) {
      expect(place(() => tf.argMax(tf.fill([size], nan)))).toEqual([0, 0]);
      expect(place(() => tf.argMin(tf.fill([size], nan)))).toEqual([0, 0]);
    }
  });
});

it('lowerBound and upperBound, with and without equals', () => {
  const sorted = () => tf.tensor2d([1, 2, 2, 5, -3, 0, 4, 4], [2, 4]);
  const values = () => tf.tensor2d([0, 2, 9, 4, -3, 5], [2, 3]);
  expectSameAsCpu(() => [tf.lowerBound(sorted(), values()), tf.upperBound(sorted(), values())]);
});
