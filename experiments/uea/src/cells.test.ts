import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { cells } from './cells.js';
import { modelNames } from './config.js';
import { paperAccuracy } from './paper.js';
import { loadRun } from './summary.js';

describe('cells', () => {
  const { cells: found, missing } = cells();

  it('has each cell of the table, under both protocols or as missing with a reason', () => {
    const places = [...found, ...missing].map(({ row, column }) => `${row} ${column}`);
    const expected = Object.keys(paperAccuracy).flatMap((row) =>
      modelNames.map((column) => `${row} ${column}`),
    );
    expect(new Set(places)).toEqual(new Set(expected));
    const protocols = new Map<string, string[]>();
    for (const { row, column, protocol } of found) {
      // A run in another precision has lines of its own, by both protocols.
      const [bare, ...variant] = protocol.split(', ');
      const key = [`${row} ${column}`, ...variant].join(', ');
      protocols.set(key, [...(protocols.get(key) ?? []), bare]);
    }
    for (const given of protocols.values()) expect(given).toEqual(['published', 'last epoch']);
    expect(places).toHaveLength(missing.length + 2 * protocols.size);
    const filled = [...protocols.keys()].filter((key) => expected.includes(key));
    expect(filled).toHaveLength(expected.length - missing.length);
    for (const { reason } of missing) expect(reason).toMatch(/needs a GPU/);
  });

  it('has mean and deviation over seeds, and a line of its own for another precision', () => {
    const results = mkdtempSync(join(tmpdir(), 'uea-cells-'));
    const put = (id: string, change: object, best: number): void => {
      const { summary } = loadRun('japanese-vowels-primal', 'results');
      const config = { ...summary.config, ...change };
      const accuracy = { ...summary.accuracy, best };
      mkdirSync(join(results, id));
      writeFileSync(join(results, id, 'summary.json'), JSON.stringify({ ...summary, id, config, accuracy }));
    };
    put('japanese-vowels-primal', {}, 0.97);
    put('japanese-vowels-primal.seed1', { seed: 1 }, 0.99);
    put('japanese-vowels-primal.float32', { precision: 'float32' }, 0.9);
    const { cells: some, missing: others } = cells(results);
    rmSync(results, { recursive: true });
    expect(some.filter(({ protocol }) => protocol.startsWith('published'))).toMatchObject([
      {
        ...{ protocol: 'published', seeds: [666, 1] },
        ...{ ours: expect.closeTo(98, 10), deviation: expect.closeTo(Math.SQRT2, 10) },
      },
      { protocol: 'published, float32', seeds: [666], ours: 90 },
    ]);
    expect(others).toHaveLength(29);
  });

  it('takes its numbers from the committed results', () => {
    const cell = (protocol: string) =>
      found.find(
        (one) => one.row === 'JapaneseVowels' && one.column === 'Primal.' && one.protocol === protocol,
      );
    const { accuracy, config } = loadRun('japanese-vowels-primal', 'results').summary;
    expect(cell('published')).toMatchObject({
      table: 'table1',
      ours: 100 * accuracy.best,
      seeds: [config.seed],
    });
    expect(cell('last epoch')).toMatchObject({
      ours: 100 * accuracy.last,
      source: 'experiments/uea/results/japanese-vowels-primal/summary.json',
    });
  });
});
