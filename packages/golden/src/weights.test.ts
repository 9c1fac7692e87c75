import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { goldenValue } from './case.js';
import { caseOf } from './testing/case.js';
import { linearMap, normMap, setGoldenWeights, untransposedMap, weightGradients } from './weights.js';

const stored = (shape: number[], ...data: number[]) => ({
  dtype: 'F32' as const,
  shape,
  data: Float32Array.from(data),
});

const golden = caseOf({
  // Two maps from two inputs to one output each, as torch has them.
  'param.qk.weight': stored([2, 2], 1, 2, 3, 4),
  'param.qk.bias': stored([2], 5, 6),
  // The same as GPT-2 has them.
  'param.c_attn.weight': stored([2, 2], 1, 3, 2, 4),
  'param.c_attn.bias': stored([2], 5, 6),
  // A kernel-1 convolution.
  'param.conv.weight': stored([1, 2, 1], 7, 8),
  'param.conv.bias': stored([1], 9),
  'param.norm.weight': stored([2], 1, 2),
  'param.norm.bias': stored([2], 3, 4),
});
const map = {
  ...linearMap('qk', ['q', 'k']),
  ...untransposedMap('c_attn', ['q2', 'k2']),
  ...linearMap('conv', 'conv'),
  ...normMap('norm', 'norm'),
};
const shapes: Record<string, number[]> = {
  'norm/gamma': [2],
  'norm/beta': [2],
  ...Object.fromEntries(
    ['q', 'k', 'q2', 'k2', 'conv'].flatMap((name) => [
      [`${name}/kernel`, [2, 1]],
      [`${name}/bias`, [1]],
    ]),
  ),
};
const weights = new Map(Object.entries(shapes).map(([name, shape]) => [name, tf.variable(tf.zeros(shape))]));

test('values reach their weights, and gradients return in the layout of the file', () => {
  setGoldenWeights(golden, weights, map);
  const value = (name: string): number[] => [...(weights.get(name) as tf.Variable).dataSync()];
  for (const suffix of ['', '2']) {
    expect(value(`q${suffix}/kernel`)).toEqual([1, 2]);
    expect(value(`k${suffix}/kernel`)).toEqual([3, 4]);
    expect(value(`q${suffix}/bias`)).toEqual([5]);
    expect(value(`k${suffix}/bias`)).toEqual([6]);
  }
  expect(value('conv/kernel')).toEqual([7, 8]);
  expect(value('norm/beta')).toEqual([3, 4]);
  // As if the gradient of each weight were the weight itself.
  const own = Object.fromEntries([...weights.values()].map((variable) => [variable.name, variable]));
  for (const [name, tensor] of Object.entries(weightGradients(golden, own, weights, map))) {
    expect(tensor?.shape, name).toEqual(goldenValue(golden, name).shape);
    expect([...(tensor as tf.Tensor).dataSync()], name).toEqual([
      ...(goldenValue(golden, name).data as Float32Array),
    ]);
  }
});

test('a weight without a gradient has none, or zeros beside one that has', () => {
  const key = weights.get('k/kernel') as tf.Variable;
  const found = weightGradients(golden, { [key.name]: tf.ones([2, 1]) }, weights, map);
  expect([...(found['param.qk.weight'] as tf.Tensor).dataSync()]).toEqual([0, 0, 1, 1]);
  expect(found['param.qk.bias']).toBeUndefined();
});

test('a parameter without a place, and a weight without a parameter, are errors', () => {
  const { 'conv.bias': _, ...short } = map;
  expect(() => setGoldenWeights(golden, weights, short)).toThrow(
    'setGoldenWeights: file/case has other parameters than the map; not in the map: [conv.bias], only in the map: []',
  );
  const fewer = new Map([...weights].filter(([name]) => name !== 'q/bias'));
  expect(() => setGoldenWeights(golden, fewer, map)).toThrow(/other weights.*only in the map: \[q\/bias\]/);
});
