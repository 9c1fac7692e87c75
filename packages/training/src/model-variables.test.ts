import * as tf from '@tensorflow/tfjs';
import { expect, it } from 'vitest';
import { modelVariables } from './model-variables.js';

it('names the variables of a model, which are the model', () => {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ name: 'hidden', units: 2, inputShape: [3] }),
      tf.layers.dense({ name: 'classifier', units: 1, useBias: false }),
    ],
  });
  const variables = modelVariables(model);
  expect(Object.keys(variables)).toEqual(['hidden/kernel', 'hidden/bias', 'classifier/kernel']);
  expect(variables['hidden/bias'].trainable).toBe(true);
  tf.tidy(() => variables['hidden/bias'].assign(tf.tensor1d([5, 6])));
  expect([...model.getWeights()[1].dataSync()]).toEqual([5, 6]);
  // Built a second time in one process, tfjs makes the variables' own names unique, but not these.
  const again = tf.sequential({ layers: [tf.layers.dense({ name: 'hidden', units: 2, inputShape: [3] })] });
  expect(Object.keys(modelVariables(again))).toEqual(['hidden/kernel', 'hidden/bias']);
  again.dispose();
  model.dispose();
});

it('refuses two weights of one name', () => {
  const weight = { originalName: 'a/kernel', read: () => tf.scalar(0) };
  const model = { name: 'net', weights: [weight, weight] } as unknown as tf.LayersModel;
  expect(() => modelVariables(model)).toThrow("modelVariables: two weights of net are named 'a/kernel'");
});
