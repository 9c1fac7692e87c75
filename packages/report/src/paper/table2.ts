import { gigabytes, plain, secondsPerEpoch } from './measures.js';
import type { PaperTable } from './paper-table.js';
import { translation } from './sources.js';

/** Table 2: time and memory on the UEA sets, of which only the averages are known. */
export const table2: PaperTable = {
  key: 'table2',
  number: 'Table 2',
  title: 'Time and memory of time-series classification (UEA)',
  caption: 'Training time and peak memory, averages over the ten sets; lower is better.',
  rowTitle: 'model',
  columnTitle: 'quantity',
  rows: [{ name: 'Trans.' }, { name: 'Flow.' }, { name: 'Primal.+Trans.' }, { name: 'Primal.' }],
  columns: [
    { name: 'Time', measure: secondsPerEpoch },
    { name: 'Memory', measure: gigabytes },
  ],
  values: plain([
    [2.5, 10.9],
    [2.2, 2.8],
    [1.9, 6.5],
    [1.9, 2.7],
  ]),
  figure: 'rows',
  notes: [
    { text: 'The paper also has each data set’s numbers; only the averages are known here.' },
    { text: 'The card is not stated.' },
  ],
  sources: [translation],
  missing: 'no experiment measures time and memory on the ten sets yet',
};
