import { paperTable, paperValue } from '@primal-attention/report';
import { modelNames } from './config.js';

/** Test accuracy in percent that the paper prints in Table 1, by data set and model (best over epochs, one seed). */
export const paperAccuracy: Readonly<Record<string, Readonly<Record<string, number>>>> = Object.fromEntries(
  paperTable('table1')
    // Without the average.
    .rows.filter(({ testCases }) => testCases !== undefined)
    .map(({ name }) => [
      name,
      Object.fromEntries(modelNames.map((model) => [model, paperValue('table1', name, model).value])),
    ]),
);
