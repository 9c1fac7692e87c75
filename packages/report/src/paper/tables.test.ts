import { describe, expect, it } from 'vitest';
import { averageName, type PrintedValue } from './paper-table.js';
import { paperTable, paperTables, paperValue } from './tables.js';

/** Averages that are not the mean of the printed numbers; a note at each says so. */
const wrongAverages = [
  ['table1', averageName, 'Long.'],
  ['table1', averageName, 'Per.'],
  ['table4-time', 'Nystrom', averageName],
  ['table4-time', 'Lin.', averageName],
  ['table5', averageName, 'Cos.'],
];

/** Whether a number differs from the mean of others by more than rounding: its own and theirs. */
function isOff(printed: number, others: readonly number[], digits: number): boolean {
  const mean = others.reduce((a, b) => a + b) / others.length;
  return Math.abs(printed - mean) > 1.001 * 10 ** -digits;
}

describe('the tables of the paper', () => {
  it('have a key of their own each, and a number in each cell', () => {
    expect(new Set(paperTables.map(({ key }) => key)).size).toBe(paperTables.length);
    for (const { rows, columns, values } of paperTables) {
      expect(values.length).toBe(rows.length);
      for (const row of values) expect(row.length).toBe(columns.length);
      expect(new Set(rows.map(({ name }) => name)).size).toBe(rows.length);
      expect(new Set(columns.map(({ name }) => name)).size).toBe(columns.length);
    }
  });

  it('have notes and repeats on rows and columns that exist', () => {
    for (const table of paperTables) {
      const rows = [...table.rows, ...(table.additions ?? [])].map(({ name }) => name);
      const columns = table.columns.map(({ name }) => name);
      for (const { rows: ofRows = [], columns: ofColumns = [], cells = [] } of table.notes) {
        for (const row of [...ofRows, ...cells.map(([row]) => row)]) expect(rows).toContain(row);
        for (const column of [...ofColumns, ...cells.map(([, column]) => column)])
          expect(columns).toContain(column);
      }
      for (const repeat of table.repeats ?? []) expect(rows).toContain(repeat.row);
    }
  });

  it('print averages that are the mean of their numbers, but where a note says otherwise', () => {
    const off = paperTables.flatMap(({ key, rows, columns, values, average }) => {
      if (average === 'rows') {
        return columns.flatMap(({ name, measure: { digits } }, c) => {
          const column = values.map((row) => row[c]);
          const wrong = (of: (printed: PrintedValue) => number): boolean =>
            isOff(of(column.at(-1)!), column.slice(0, -1).map(of), digits);
          return wrong(({ value }) => value) || wrong(({ deviation = 0 }) => deviation)
            ? [[key, averageName, name]]
            : [];
        });
      }
      if (average === 'columns') {
        return rows.flatMap(({ name }, r) => {
          const row = values[r].map(({ value }) => value);
          return isOff(row.at(-1)!, row.slice(0, -1), columns.at(-1)!.measure.digits)
            ? [[key, name, averageName]]
            : [];
        });
      }
      return [];
    });
    expect(off).toEqual(wrongAverages);
    for (const [key, row, column] of wrongAverages) {
      const notes = paperTable(key).notes.filter(({ cells }) =>
        cells?.some((cell) => cell[0] === row && cell[1] === column),
      );
      expect(notes.map(({ text }) => text)).toEqual([expect.stringMatching(/^Not the mean/)]);
    }
  });

  // What the paper prints in parentheses behind the numbers: how many times better than Trans.
  it.each([
    ['table4-time', 'Nystrom', [2.8, 5.7, 5.7, 1.9, 1.8]],
    ['table4-time', 'Lin.', [3.1, 6.0, 5.9, 2.1, 2.0]],
    ['table4-time', 'Per.', [2.3, 4.4, 4.2, 1.6, 1.5]],
    ['table4-time', 'Re.', [2.2, 4.1, 3.9, 1.5, 1.4]],
    ['table4-time', 'Primal.+Trans.', [1.7, 1.9, 2.4, 1.6, 1.5]],
    ['table4-time', 'Primal.', [3.4, 7.4, 7.2, 2.3, 2.3]],
    ['table4-memory', 'Nystrom', [6.2, 12.6, 5.7, 3.0, 3.0]],
    ['table4-memory', 'Lin.', [3.2, 6.2, 3.0, 1.7, 1.7]],
    ['table4-memory', 'Per.', [3.3, 6.4, 3.0, 1.8, 1.8]],
    ['table4-memory', 'Re.', [3.3, 6.5, 3.1, 1.8, 1.8]],
    ['table4-memory', 'Primal.+Trans.', [1.1, 1.0, 1.0, 1.1, 1.1]],
    ['table4-memory', 'Primal.', [7.9, 15.5, 6.3, 4.2, 3.9]],
  ])('%s agrees with the factors that it prints for %s', (key, row, factors) => {
    ['ListOps', 'Text', 'Retrieval', 'Image', 'Pathfinder'].forEach((task, i) => {
      const factor = paperValue(key, 'Trans.', task).value / paperValue(key, row, task).value;
      // One unit of the printed digit: some are cut and not rounded, and all come from unrounded numbers.
      expect(Math.abs(factor - factors[i]), `${key}/${row}/${task}`).toBeLessThanOrEqual(0.1001);
    });
  });

  it('repeats Table 3 in Table 8', () => {
    const table8 = paperTable('table8');
    for (const repeat of table8.repeats!) {
      for (const { name } of table8.columns) {
        expect(paperValue('table8', repeat.row, name)).toEqual(paperValue(repeat.table, name, repeat.column));
      }
    }
  });

  it('answer to names that they do not have with those that they have', () => {
    expect(() => paperTable('table9')).toThrow("unknown table 'table9'; the paper has table1, table2,");
    expect(() => paperValue('table3', 'Texts', 'Primal.')).toThrow(
      "Table 3 has no row 'Texts'; it has ListOps, Text,",
    );
    expect(() => paperValue('table3', 'Text', 'Primal')).toThrow("no column 'Primal'");
    expect(paperValue('table5', 'Medium-Expert HalfCheetah', 'Primal.+DT')).toEqual({
      value: 77.8,
      deviation: 22.1,
    });
  });
});
