import { describe, expect, it } from 'vitest';
import { parseConfig } from './config.js';
import { inPaperOrder, markdownTable, protocolTable, tableRow } from './rows.js';
import type { LoadedRun } from './summary.js';

function run(model: string, best: number): LoadedRun {
  const config = parseConfig(
    {
      dataset: 'JapaneseVowels',
      model,
      ...(model === 'Trans.' ? {} : { primal: { rank: 40, rankMultiplier: 5, eta: 0.5 } }),
      ...{
        optimizer: 'RAdam',
        learningRate: 1e-3,
        clipNorm: 4,
        dropout: 0.1,
        batchSize: 16,
        epochs: 100,
        seed: 666,
      },
    },
    'test',
  );
  const accuracy = { best, bestEpoch: 30, last: best - 0.01 };
  return { origin: 'runs', history: [], summary: { config, accuracy } as LoadedRun['summary'] };
}

describe('the table', () => {
  const rows = inPaperOrder([
    run('Primal.+Trans.', 0.9703),
    run('Primal.', 0.9892),
    run('Trans.', 0.9865),
  ]).map(tableRow);

  it('has the columns and the order of the paper', () => {
    expect(markdownTable(rows).split('\n').slice(2)).toEqual([
      '| JapaneseVowels | Trans. | 98.7 | 98.7 | +0.0 |',
      '| JapaneseVowels | Primal. | 98.9 | 98.4 | +0.5 |',
      '| JapaneseVowels | Primal.+Trans. | 97.0 | 98.9 | −1.9 |',
    ]);
  });

  it('shows both protocols', () => {
    expect(protocolTable(rows)).toContain('| JapaneseVowels | Primal. | 98.92 (epoch 30) | 97.92 |');
  });

  it('tells which runs reproduce the paper', () => {
    expect(rows.map(({ reproduced }) => reproduced)).toEqual([true, true, false]);
  });
});
