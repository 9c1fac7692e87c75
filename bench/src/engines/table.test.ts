import { existsSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { engineTable, parseLines, withSection } from './table.js';

const results = new URL('../../results/engines-cpu.jsonl', import.meta.url);
const readme = new URL('../../../packages/engines/README.md', import.meta.url);

test("the engines' README has the table of the committed results; `pnpm bench:engines --table` writes it anew", () => {
  const lines = existsSync(results) ? parseLines(readFileSync(results, 'utf8')) : [];
  const text = readFileSync(readme, 'utf8');
  expect(text).toBe(withSection(text, engineTable(lines)));
});

test('a row per model and length, a column per engine', () => {
  const origin = { commit: '0123456789', modified: false, date: '', machine: 'a machine' };
  const xla = {
    ...origin,
    others: 0,
    ratioTo: 'xla',
    backend: 'xla',
    msPerStep: 12.34,
    ratio: 1,
    residentBytes: 4e8,
  };
  const table = engineTable([
    { ...xla, mechanism: 'softmax', length: 4096, batch: 1 },
    {
      ...origin,
      backend: 'wasm',
      mechanism: 'softmax',
      length: 4096,
      batch: 1,
      failure: 'RangeError: a | b',
    },
    { ...xla, mechanism: 'primal', length: 1024, batch: 4 },
    { ...xla, mechanism: 'primal', length: 256, batch: 4 },
    { ...xla, backend: 'wasm', msPerStep: 100, ratio: 8.1, mechanism: 'primal', length: 256, batch: 4 },
  ]);
  expect(table.split('\n')).toEqual([
    '| model | N | batch | `xla` | `wasm` |',
    '| --- | --- | --- | --- | --- |',
    '| primal | 256 | 4 | 12.3 ms, 0.4 GB | 100 ms (8.1), 0.4 GB |',
    '| primal | 1024 | 4 | 12.3 ms, 0.4 GB |  |',
    '| softmax | 4096 | 1 | 12.3 ms, 0.4 GB | not possible: RangeError: a \\| b |',
    '',
    'Commit `0123456`, a machine (`bench/results/engines-cpu.jsonl`).',
  ]);
});

test('a text without the markers is refused', () => {
  expect(() => withSection('a table', '')).toThrow(/must have the lines/);
});
