import type { PaperTable, PrintedValue } from './paper-table.js';
import { table1 } from './table1.js';
import { table2 } from './table2.js';
import { table3 } from './table3.js';
import { table4Memory, table4Time } from './table4.js';
import { table5 } from './table5.js';
import { table6 } from './table6.js';
import { table7a, table7b } from './table7.js';
import { table8 } from './table8.js';

/** All tables of the paper, in its order. */
export const paperTables: readonly PaperTable[] = [
  table1,
  table2,
  table3,
  table4Time,
  table4Memory,
  table5,
  table6,
  table7a,
  table7b,
  table8,
];

/** @throws RangeError that lists the keys, if there is no such table */
export function paperTable(key: string): PaperTable {
  const table = paperTables.find((each) => each.key === key);
  if (!table) {
    throw new RangeError(
      `unknown table '${key}'; the paper has ${paperTables.map((each) => each.key).join(', ')}`,
    );
  }
  return table;
}

/**
 * What the paper prints in a cell, such as `paperValue('table1', 'JapaneseVowels', 'Primal.').value`, which is 98.4.
 *
 * @throws RangeError that lists what there is, if there is no such table, row or column
 */
export function paperValue(key: string, row: string, column: string): PrintedValue {
  const table = paperTable(key);
  return table.values[indexOf(table, 'row', row)][indexOf(table, 'column', column)];
}

/** Place of a row or column. @throws RangeError that lists those of the table, if it has no such one */
export function indexOf(table: PaperTable, kind: 'row' | 'column', name: string): number {
  const names = (kind === 'row' ? table.rows : table.columns).map((heading) => heading.name);
  const index = names.indexOf(name);
  if (index < 0) throw new RangeError(`${table.number} has no ${kind} '${name}'; it has ${names.join(', ')}`);
  return index;
}
