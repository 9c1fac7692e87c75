import { mechanisms } from '@primal-attention/attention';
import { describe, expect, test } from 'vitest';
import { roundRequest } from './compare.js';
import { LayerUnderTest } from './layer.js';
import { type Options, parseOptions } from './options.js';
import type { Loaded } from './protocol.js';
import { knownVariants, layerCase, withoutSettings } from './settings.js';

describe('settings', () => {
  test('every mechanism of the registry is timed', () => {
    expect(withoutSettings()).toEqual([]);
    expect(knownVariants().length).toBeGreaterThanOrEqual(Object.keys(mechanisms).length);
  });

  test.each(knownVariants())('%s: the registry takes the options, for short sequences and long', (name) => {
    for (const length of [2, 255, 4096]) {
      for (const precision of ['float32', 'bf16'] as const) {
        const of = layerCase(name, 1, 0, { length, device: 'cuda', precision });
        new LayerUnderTest(of).dispose();
      }
    }
  });
});

describe('options', () => {
  test('all are those that the registry has', () => {
    expect(parseOptions([]).mechanisms).toEqual(knownVariants());
    const { mechanisms, lengths } = parseOptions('--mechanisms primal,softmax --lengths 64,128'.split(' '));
    expect([mechanisms, lengths]).toEqual([
      ['primal', 'softmax'],
      [64, 128],
    ]);
  });

  test.each([
    ['--mechanisms prmal', /--mechanisms must be one of .*, got 'prmal'/],
    ['--lengths 64,x', /--lengths must be an integer of at least 2, got 'x'/],
    ['--peers torch', /--peers must be one of jax, got 'torch'/],
  ])('refuses %s', (text, message) => {
    expect(() => parseOptions(text.split(' '))).toThrow(message);
  });
});

describe('roundRequest', () => {
  const request = (slowestMs: number, stepsPerRead: number) =>
    roundRequest(
      [{ warmMs: 0.01 }, { warmMs: slowestMs }] as Loaded[],
      { roundMs: 1000, stepsPerRead } as Options,
    );

  test('the slower program has about the time of a round', () => {
    expect(request(10, 1)).toEqual({ steps: 100, stepsPerRead: 1 });
    expect(request(10, 20)).toEqual({ steps: 100, stepsPerRead: 20 });
  });

  test('no round has less than three reads, or more than a hundred', () => {
    expect(request(5000, 20)).toEqual({ steps: 3, stepsPerRead: 1 });
    expect(request(100, 20)).toEqual({ steps: 12, stepsPerRead: 4 });
    expect(request(0.02, 20)).toEqual({ steps: 2000, stepsPerRead: 20 });
  });
});
