import { accuracy, columnsOf, plain } from './measures.js';
import { averageName, type PaperTable } from './paper-table.js';
import { translation } from './sources.js';
import { table3 } from './table3.js';

/** Table 8: what the scores r of the keys are good for. */
export const table8: PaperTable = {
  key: 'table8',
  number: 'Table 8',
  title: 'Ablation: with and without the scores r',
  caption:
    'Test accuracy on Long Range Arena in percent, with both projection scores and with e alone; higher is better.',
  rowTitle: 'model',
  columnTitle: 'task',
  rows: [
    { name: 'Primal. without r' },
    { name: 'Primal. with r' },
    { name: 'Primal.+Trans. without r' },
    { name: 'Primal.+Trans. with r' },
  ],
  columns: [
    ...table3.rows
      .filter(({ name }) => name !== averageName)
      .map(({ name, testCases }) => ({ name, testCases, measure: accuracy })),
    ...columnsOf(accuracy, [averageName]),
  ],
  values: plain([
    [36.8, 52.4, 58.2, 30.5, 50.2, 45.6],
    [37.3, 61.2, 77.8, 43.0, 68.3, 57.5],
    [37.1, 65.1, 79.2, 42.8, 72.8, 59.4],
    [37.3, 65.4, 81.0, 43.9, 74.3, 60.4],
  ]),
  average: 'columns',
  repeats: [
    { table: 'table3', column: 'Primal.', row: 'Primal. with r' },
    { table: 'table3', column: 'Primal.+Trans.', row: 'Primal.+Trans. with r' },
  ],
  figure: 'columns',
  notes: [
    {
      rows: ['Primal. without r', 'Primal.+Trans. without r'],
      text: 'No code of this variant is published: how wide the output map is without r, and what becomes of the KSVD loss, is not stated.',
    },
    { rows: ['Primal. with r', 'Primal.+Trans. with r'], text: 'The numbers of Table 3.' },
  ],
  sources: [translation],
  missing: 'no experiment without the scores r yet',
};
