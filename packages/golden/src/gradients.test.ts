import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import type { HostValues } from './compare.js';
import { lossAndGradients, outputsAndGradients, weightedSum } from './gradients.js';

test('outputs, the weighted sum of the output, and gradients by the names of what went in', async () => {
  const given = {
    'in.x': tf.tensor1d([1, 2]),
    'in.ids': tf.tensor1d([3, 4], 'int32'),
    'param.a': tf.tensor1d([5, 6]),
    'param.unused': tf.tensor1d([7]),
  };
  const computed = outputsAndGradients(
    (at) => ({
      output: tf.mul(tf.mul(at['in.x'], at['param.a']), at['in.ids']),
      twice: tf.mul(at['in.x'], 2),
    }),
    given,
    tf.tensor1d([1, -1]),
  );
  const values = (name: string): number[] => [...(computed[name] as tf.Tensor).dataSync()];
  expect(values('out.output')).toEqual([15, 48]);
  expect(values('out.twice')).toEqual([2, 4]);
  expect((computed.loss as HostValues).data).toEqual([15 - 48]);
  expect(values('grad.in.x')).toEqual([15, -24]);
  expect(values('grad.param.a')).toEqual([3, -8]);
  expect(computed['grad.param.unused']).toBeUndefined();
  expect(Object.keys(computed)).not.toContain('grad.in.ids');
  // What was given is still there.
  expect([...given['param.a'].dataSync()]).toEqual([5, 6]);
});

test('a loss of its own, and no variable is left behind', () => {
  const before = Object.keys(tf.engine().registeredVariables).length;
  const { loss, gradients } = lossAndGradients((at) => tf.sum(tf.square(at.x)), { x: tf.tensor1d([3, 4]) });
  expect(loss.dataSync()[0]).toBe(25);
  expect([...(gradients.x as tf.Tensor).dataSync()]).toEqual([6, 8]);
  expect(Object.keys(tf.engine().registeredVariables)).toHaveLength(before);
});

test('weightedSum keeps what float32 would lose', () => {
  const output = tf.tensor1d([2 ** 24, 1, -(2 ** 24)]);
  expect(weightedSum(output, tf.ones([3]))).toEqual({ shape: [], data: [1] });
});
