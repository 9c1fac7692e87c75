import type { Comparison } from '../comparison/comparison.js';
import type { PaperTable } from '../paper/paper-table.js';

/** Cells of a table that lack a result for one reason. */
export interface MissingGroup {
  readonly reason: string;
  readonly cells: readonly Comparison[];
}

/** A table's missing cells by reason, in the order of the table. */
export function missingGroups(comparisons: readonly Comparison[]): MissingGroup[] {
  const groups = new Map<string, Comparison[]>();
  for (const line of comparisons) {
    if (line.reason === null) continue;
    groups.set(line.reason, [...(groups.get(line.reason) ?? []), line]);
  }
  return [...groups].map(([reason, cells]) => ({ reason, cells }));
}

/**
 * Which cells a group has, in few words: `all cells`, `PEMS-SF`, `JapaneseVowels, Heartbeat: Linear, Re.` Rows with the same
 * columns stand together; a row without columns has them all.
 */
export function groupText(table: PaperTable, { cells }: MissingGroup): string {
  const columnsOfRow = new Map<string, string[]>();
  for (const { row, column } of cells) columnsOfRow.set(row, [...(columnsOfRow.get(row) ?? []), column]);
  const rowsOfColumns = new Map<string, string[]>();
  for (const [row, columns] of columnsOfRow) {
    const key = columns.join(', ');
    rowsOfColumns.set(key, [...(rowsOfColumns.get(key) ?? []), row]);
  }
  const whole = table.columns.map(({ name }) => name).join(', ');
  const rowCount = table.rows.length;
  return [...rowsOfColumns]
    .map(([columns, rows]) => {
      const rowText = rows.length === rowCount ? `all ${table.rowTitle}s` : rows.join(', ');
      return columns === whole
        ? rows.length === rowCount
          ? 'all cells'
          : rowText
        : `${rowText}: ${columns}`;
    })
    .join('; ');
}
