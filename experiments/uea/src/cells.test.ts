import { describe, expect, it } from 'vitest';
import { cells, missingCells } from './cells.js';
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
      const key = `${row} ${column}`;
      protocols.set(key, [...(protocols.get(key) ?? []), protocol]);
    }
    for (const given of protocols.values()) expect(given).toEqual(['published', 'last epoch']);
    expect(places).toHaveLength(missing.length + 2 * protocols.size);
    expect(protocols.size + missing.length).toBe(expected.length);
    for (const { reason } of missing) expect(reason).toMatch(/needs a GPU/);
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

  it('misses nothing at a place that another run has a result for, and names a place once', () => {
    const configs = (['Primal.', 'Primal.', 'Trans.', 'Trans.'] as const).map((model) => ({
      dataset: 'JapaneseVowels' as const,
      model,
    }));
    const places = missingCells(configs, [{ row: 'JapaneseVowels', column: 'Primal.' }]);
    expect(places).toMatchObject([{ table: 'table1', row: 'JapaneseVowels', column: 'Trans.' }]);
  });
});
