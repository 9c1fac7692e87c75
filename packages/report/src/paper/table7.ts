import { accuracy, gigabytes, perplexity, plain, secondsPerThousandSteps } from './measures.js';
import type { PaperTable } from './paper-table.js';
import { pictures, translation } from './sources.js';

const time = { name: 'Time', measure: secondsPerThousandSteps };
const memory = { name: 'Memory', measure: gigabytes };
const sources = [pictures, translation];

/** Table 7a: image classification. */
export const table7a: PaperTable = {
  key: 'table7a',
  number: 'Table 7a',
  title: 'Image classification (ImageNet)',
  caption: 'Top-1 accuracy in percent (higher is better), training time and peak memory (lower is better).',
  rowTitle: 'model',
  columnTitle: 'quantity',
  rows: [{ name: 'DeiT-Small/16' }, { name: 'Primal.+DeiT-Small/16' }],
  columns: [
    { name: 'ImageNet-100 top-1', measure: accuracy, testCases: 5000 },
    { name: 'ImageNet-1K top-1', measure: accuracy, testCases: 50_000 },
    time,
    memory,
  ],
  values: plain([
    [74.2, 79.8, 2425.5, 14.2],
    [75.7, 79.8, 2330.2, 14.0],
  ]),
  figure: 'rows',
  notes: [
    { text: 'The published script keeps the best accuracy over epochs. Two A100 cards, batch 1,024.' },
    { rows: ['Primal.+DeiT-Small/16'], text: 'Only the last of twelve layers is Primal.' },
  ],
  sources,
  missing: 'ImageNet is not at hand',
};

/** Table 7b: language modelling. */
export const table7b: PaperTable = {
  key: 'table7b',
  number: 'Table 7b',
  title: 'Language modelling (WikiText-103)',
  caption: 'Perplexity, training time and peak memory; lower is better.',
  rowTitle: 'model',
  columnTitle: 'quantity',
  rows: [{ name: 'Trans.' }, { name: 'Flow.' }, { name: 'Primal.+Trans.' }],
  columns: [{ name: 'Perplexity', measure: perplexity }, time, memory],
  values: plain([
    [33.0, 3108.4, 9.0],
    [30.8, 3998.4, 10.5],
    [31.0, 3104.0, 8.9],
  ]),
  figure: 'rows',
  notes: [
    {
      cells: [
        ['Trans.', 'Perplexity'],
        ['Flow.', 'Perplexity'],
      ],
      text: 'Taken over from Flowformer’s table (thuml/Flowformer, pic/NLP_results.png), not trained again.',
    },
    {
      rows: ['Primal.+Trans.'],
      text: 'Only the last of six layers is Primal; its projection weights do not depend on the data in the code, and do so in the text. The code’s eta of 0.1 is divided by the tokens of a batch, which leaves about 5e-5.',
    },
    { text: 'How the perplexity is evaluated is not stated.' },
  ],
  sources,
  missing: 'no experiment on WikiText-103 yet',
};
