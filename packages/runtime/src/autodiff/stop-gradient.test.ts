import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { checkpoint } from '../checkpoint.js';
import { jit } from '../jit.js';
import { scan } from '../scan.js';
import { stopGradient } from './stop-gradient.js';

const x = tf.tensor1d([3, 1, 2]);

/** Products with the largest x, and with weights that a gather takes at indices that follow from x. */
const f = (x: tf.Tensor1D): tf.Scalar => {
  const fixed = stopGradient(x);
  const weights = tf.gather(tf.tensor1d([1, 10, 100]), tf.topk(fixed, 3).indices);
  const weighted = tf.mul(x, weights);
  return tf.add(tf.sum(weighted), tf.sum(tf.mul(x, tf.max(fixed)))) as tf.Scalar;
};

it('gives the numbers, and no gradient goes through them', () => {
  expect([...stopGradient(x).dataSync()]).toEqual([3, 1, 2]);
  const gradient = tf.grad((x) => f(x as tf.Tensor1D));
  const expected = [1 + 3, 100 + 3, 10 + 3];
  expect([...gradient(x).dataSync()]).toEqual(expected);
  expect([...jit((x: tf.Tensor1D) => gradient(x))(x).dataSync()]).toEqual(expected);
});

it('does so inside a checkpoint and a loop', () => {
  const again = tf.grad((x) => checkpoint(f)(x as tf.Tensor1D));
  expect([...again(x).dataSync()]).toEqual([4, 103, 13]);
  const steps = tf.grad((x) => {
    const step = (sum: tf.Scalar, row: tf.Tensor1D) => [tf.add(sum, f(row)) as tf.Scalar, null] as const;
    return scan(step, tf.scalar(0), tf.reshape(x, [1, 3]) as tf.Tensor)[0];
  });
  expect([...steps(x).dataSync()]).toEqual([4, 103, 13]);
});

it('leaves nothing behind', () => {
  const before = tf.memory().numTensors;
  tf.dispose(tf.grad((x) => f(x as tf.Tensor1D))(x));
  stopGradient(x).dispose();
  expect(tf.memory().numTensors).toBe(before);
});
