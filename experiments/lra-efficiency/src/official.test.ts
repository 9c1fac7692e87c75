import { describe, expect, test } from 'vitest';
import { type OfficialNumbers, officialNumbers } from './official.js';
import { modelNames } from './settings.js';
import { officialSection, taskSections } from './table.js';
import { lineOf } from './testing/line-of.js';

const numbers: OfficialNumbers = {
  ...{ what: 'A step.', comparable: 'On the same card.', task: 'Text', length: 4096, batch: 32 },
  device: 'NVIDIA Test',
  lines: [
    { program: 'official PyTorch code, eager', model: 'Primal.', precision: 'float32', msPerStep: 20 },
    { program: 'official PyTorch code, eager', model: 'Primal.', precision: 'fp16 autocast', msPerStep: 10 },
    { program: 'JAX', model: 'Trans.', precision: 'float32', msPerStep: 5 },
  ],
};
const lines = [
  lineOf({ precision: 'float32' }, { msPerStep: 5 }),
  lineOf({}, { msPerStep: 2.5 }),
  lineOf({ model: 'Trans.', precision: 'float32' }, { msPerStep: 50 }),
  lineOf({ model: 'Nystrom' }, { failure: 'out of memory' }),
];

/** The column of the table of `lines` beside the official numbers; undefined where it has none. */
function column(...official: OfficialNumbers[]): (string | undefined)[] | undefined {
  const [section] = taskSections(lines, 'Text', official);
  const rows = section.split('\n').filter((row) => row.startsWith('|'));
  const cells = rows.map((row) => row.split('|').map((cell) => cell.trim()));
  const at = cells[0].indexOf('of the official time');
  return at < 0 ? undefined : cells.slice(2).map((row) => row[at]);
}

describe("the official code's times", () => {
  test('on the same card, at the same sizes, in the same precision, are what ours are a part of', () => {
    expect(column(numbers)).toEqual(['0.250', '0.250', '–', '–']);
  });

  test.each([{ device: 'NVIDIA Other' }, { task: 'Image' }, { length: 2048 }, { batch: 16 }])(
    'are of no use with another %o',
    (other) => {
      expect(column({ ...numbers, ...other })).toBeUndefined();
    },
  );

  test('are shown for each card, with what they are worth', () => {
    const [title, text, table] = officialSection(numbers);
    expect(title).toBe('## The official code and others, on NVIDIA Test');
    expect(text).toBe('A step. On the same card.');
    expect(table).toMatch(/official PyTorch code, eager +\| Primal\. +\| fp16 autocast +\| +10\.0/);
  });

  test('that are committed name a card, sizes and our models', () => {
    const files = officialNumbers();
    expect(files.map(({ device }) => device)).toContain('NVIDIA H100 80GB HBM3');
    for (const { task, length, batch, lines } of files) {
      expect({ task, length, batch }).toEqual({ task: 'Text', length: 4096, batch: 32 });
      for (const { program, model, msPerStep } of lines) {
        if (program.startsWith('official')) expect(modelNames).toContain(model);
        expect(Math.min(...[msPerStep].flat())).toBeGreaterThan(0);
      }
    }
  });
});
