import { gigabytes, plain, secondsPerThousandSteps } from './measures.js';
import type { PaperTable } from './paper-table.js';
import { translation } from './sources.js';

/** Table 6: time and memory of offline reinforcement learning. */
export const table6: PaperTable = {
  key: 'table6',
  number: 'Table 6',
  title: 'Time and memory of offline reinforcement learning (D4RL)',
  caption: 'Training time and peak memory; lower is better.',
  rowTitle: 'model',
  columnTitle: 'quantity',
  rows: [{ name: 'DT' }, { name: 'Flow.' }, { name: 'Primal.+DT' }],
  columns: [
    { name: 'Time', measure: secondsPerThousandSteps },
    { name: 'Memory', measure: gigabytes },
  ],
  values: plain([
    [20.8, 0.3],
    [54.4, 1.5],
    [23.4, 0.3],
  ]),
  figure: 'rows',
  notes: [{ text: 'The card is not stated.' }],
  sources: [translation],
  missing: 'D4RL is not at hand',
};
