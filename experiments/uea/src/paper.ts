import { paperTable } from '@primal-attention/report';
import { modelNames } from './config.js';

const { rows, columns, values } = paperTable('table1');

/** Test accuracy in percent that the paper prints in Table 1, by data set and model (best over epochs, one seed). */
export const paperAccuracy: Readonly<Record<string, Readonly<Record<string, number>>>> = Object.fromEntries(
  rows.map(({ name }, r) => [
    name,
    Object.fromEntries(
      modelNames.map((model) => [
        model,
        values[r][columns.findIndex((column) => column.name === model)].value,
      ]),
    ),
  ]),
);
