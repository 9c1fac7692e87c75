import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import type { Mechanism } from './mechanism.js';
import { mechanismTable } from './mechanism-table.js';
import { SoftmaxAttention } from './mechanisms/softmax/layer.js';
import { createAttention, mechanisms } from './registry.js';

const all = Object.entries(mechanisms) as unknown as [string, Mechanism][];

test('names, titles, classes and layers are of one mechanism each', () => {
  for (const [key, { name }] of all) expect(name).toBe(key);
  for (const of of [
    all.map(([, { title }]) => title),
    all.map(([, { layer }]) => (layer as unknown as { className: string }).className),
  ]) {
    expect(new Set(of).size).toBe(all.length);
  }
});

test('the options of an entry are those that its layer takes', () => {
  for (const [name, { layer: Layer, options, examples }] of all) {
    const [{ config }] = examples({ heads: 2, maxLength: 16 });
    let message = '';
    try {
      new Layer({ ...config, unheard: 1 } as never);
    } catch (error) {
      message = (error as Error).message;
    }
    const listed = /expected one of (.*)$/.exec(message)?.[1].split(', ') ?? [];
    const common = new Set([
      'heads',
      'seed',
      'initialization',
      'name',
      'trainable',
      'dtype',
      'inputShape',
      'batchInputShape',
      'batchSize',
      'weights',
      'inputDType',
      'customObjects',
    ]); // prettier-ignore
    expect(listed.filter((option) => !common.has(option)).sort(), name).toEqual([...options].sort());
  }
});

test('createAttention makes the layer of a name, or of a mechanism of your own', () => {
  const layer = createAttention('softmax', { heads: 2, dropout: 0.5 });
  expect(layer).toBeInstanceOf(SoftmaxAttention);
  expect((layer as SoftmaxAttention).dropout).toBe(0.5);
  const own = createAttention(mechanisms.primal, { heads: 2, rank: 3, landmarks: 4 });
  expect((own.apply(tf.ones([1, 5, 4])) as tf.Tensor).shape).toEqual([1, 5, 4]);
});

test('createAttention refuses unknown names and options with the valid ones', () => {
  expect(() => createAttention('sofmax' as never, { heads: 2 } as never)).toThrow(
    /no mechanism 'sofmax'; choose one of .*primal.*softmax/,
  );
  expect(() => createAttention('toString' as never, { heads: 2 } as never)).toThrow(
    /no mechanism 'toString'/,
  );
  expect(() => createAttention('softmax', { heads: 2, rank: 3 } as never)).toThrow(
    /unknown option 'rank'; expected one of heads, seed, dropout, dropoutDraw, maskMode/,
  );
});

test('MECHANISMS.md is what the registry says; `pnpm mechanisms` writes it anew', () => {
  expect(readFileSync(new URL('../MECHANISMS.md', import.meta.url), 'utf8')).toBe(mechanismTable());
});
