import type { ColumnHeading, Measure, PrintedValue } from './paper-table.js';

export const accuracy: Measure = { name: 'accuracy', unit: '%', better: 'higher', digits: 1 };
export const score: Measure = { name: 'normalised score', unit: '', better: 'higher', digits: 1 };
export const perplexity: Measure = { name: 'perplexity', unit: '', better: 'lower', digits: 1 };
export const secondsPerEpoch: Measure = { name: 'time', unit: 's per epoch', better: 'lower', digits: 1 };
export const secondsPerThousandSteps: Measure = {
  name: 'time',
  unit: 's per 1K steps',
  better: 'lower',
  digits: 1,
};
export const gigabytes: Measure = { name: 'peak memory', unit: 'GB', better: 'lower', digits: 1 };
/** Table 4 prints one digit more. */
export const gigabytesFine: Measure = { ...gigabytes, digits: 2 };

/** Columns that all show the same measure. */
export function columnsOf(measure: Measure, names: readonly string[]): ColumnHeading[] {
  return names.map((name) => ({ name, measure }));
}

/** Printed numbers without deviations. */
export function plain(rows: readonly (readonly number[])[]): PrintedValue[][] {
  return rows.map((row) => row.map((value) => ({ value })));
}
