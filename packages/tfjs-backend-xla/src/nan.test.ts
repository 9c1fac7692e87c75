import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { evaluate, expectSameAsCpu, xla } from './testing/compare.js';

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Every pair of these, in both orders. */
const values = [nan, -1, 0, 5, inf, -inf];
const left = () => tf.tensor1d(values.flatMap((a) => values.map(() => a)));
const right = () => tf.tensor1d(values.flatMap(() => values));

/** A row with NaN at one place, for all sizes around the width of vector registers. */
const rows = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 33].flatMap((size) =>
  [0, Math.floor(size / 2), size - 1].map((place) => ({ size, place })),
);
const row = ({ size, place }: { size: number; place: number }) =>
  tf.tensor1d(Array.from({ length: size }, (_, i) => (i === place ? nan : i - 3)));

/** Eagerly and compiled. */
const both = (fn: () => tf.Tensor): number[][] =>
  [fn, () => xla().jit(fn)()].map((run) => evaluate('xla', run)[0].values);

describe('NaN', () => {
  it('is the maximum and the minimum of itself and anything, in either order', () => {
    for (const values of both(() => tf.maximum(tf.tensor1d([5, nan]), tf.tensor1d([nan, 5])))) {
      expect(values).toEqual([nan, nan]);
    }
    for (const values of both(() => tf.minimum(tf.tensor1d([5, nan]), tf.tensor1d([nan, 5])))) {
      expect(values).toEqual([nan, nan]);
    }
    expectSameAsCpu(() => [tf.maximum(left(), right()), tf.minimum(left(), right())]);
  });

  it('is the largest and the smallest of a row, wherever it stands', () => {
    for (const fn of [
      () => tf.stack(rows.map((r) => tf.max(row(r)))),
      () => tf.stack(rows.map((r) => tf.min(row(r)))),
      () => tf.stack(rows.map((r) => tf.mean(row(r)))),
      () => tf.max(tf.tensor2d([nan, 1, 3, 2, 1, 3, 2, nan], [2, 4]), 1),
    ]) {
      for (const values of both(fn)) expect(values.every(Number.isNaN)).toBe(true);
    }
  });

  it('passes through activations and clipping', () => {
    for (const values of both(() => tf.relu6(tf.tensor1d([nan, -1, 7])))) expect(values).toEqual([nan, 0, 6]);
    for (const fn of [
      tf.relu,
      tf.relu6,
      tf.elu,
      tf.selu,
      tf.softplus,
      tf.sigmoid,
      tf.tanh,
      (x: tf.Tensor) => tf.leakyRelu(x, 0.1),
      (x: tf.Tensor) => tf.clipByValue(x, -1, 1),
      (x: tf.Tensor) => tf.prelu(x, tf.scalar(0.2)),
    ]) {
      for (const values of both(() => fn(tf.tensor1d([nan])))) expect(values).toEqual([nan]);
    }
  });

  it('fills the whole row of a softmax', () => {
    for (const fn of [tf.softmax, tf.logSoftmax]) {
      for (const values of both(() => fn(tf.tensor2d([1, nan, 2, 1, 2, 3], [2, 3])))) {
        expect(values.slice(0, 3)).toEqual([nan, nan, nan]);
        expect(values.slice(3).every(Number.isFinite)).toBe(true);
      }
    }
  });

  it('in a weight shows in the loss of the next step', () => {
    const w = tf.variable(tf.tensor1d([1, nan]));
    const step = xla().jit((x: tf.Tensor) => tf.max(tf.relu(tf.mul(x, w))));
    expect(step(tf.tensor1d([1, 1])).dataSync()[0]).toBe(nan);
    w.dispose();
  });
});
