import fc from 'fast-check';
import { expect, it } from 'vitest';
import { configHash } from './config-hash.js';

it('does not depend on the order of keys, or on keys without a value', () => {
  expect(configHash({ a: 1, b: { c: [1, 2], d: null } })).toBe(
    configHash({ b: { d: null, c: [1, 2] }, a: 1, e: undefined }),
  );
});

it('depends on everything else', () => {
  const configs = [
    {},
    [],
    null,
    '',
    0,
    false,
    { a: 1 },
    { a: 2 },
    { a: '1' },
    { a: [1] },
    { b: 1 },
    [1, 2],
    [2, 1],
    [[1], 2],
  ];
  expect(new Set(configs.map(configHash)).size).toBe(configs.length);
});

it('is the same for a config that was written to JSON and read back', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (config) => {
      expect(configHash(JSON.parse(JSON.stringify(config)))).toBe(configHash(config));
    }),
  );
});

it('refuses what JSON would lose', () => {
  expect(() => configHash({ a: { b: [0, Number.NaN] } })).toThrow(
    'configHash: config.a.b[1] must be null, a boolean',
  );
  expect(() => configHash({ f: () => 1 })).toThrow('config.f');
  expect(() => configHash(new Map())).toThrow('config must be');
  expect(() => configHash([undefined])).toThrow('config[0]');
});
