import type { PaperTable, TableNote } from '../paper/paper-table.js';

/** A note with the mark by which a table refers to it; notes on a whole table have none. */
export interface MarkedNote extends TableNote {
  readonly mark: string;
}

/** A table's notes: `a`, `b`, … for those on rows, columns or cells. */
export function markedNotes(table: PaperTable): MarkedNote[] {
  let next = 0;
  return table.notes.map((note) => ({
    ...note,
    mark: note.rows || note.columns || note.cells ? String.fromCharCode(97 + next++) : '',
  }));
}

/** Marks that belong at the name of a row or of a column, or, with both given, at a cell. */
export function marksAt(
  notes: readonly MarkedNote[],
  { row, column }: { readonly row?: string; readonly column?: string },
): string {
  const concerns = ({ rows, columns, cells }: MarkedNote): boolean => {
    if (row !== undefined && column !== undefined) {
      return cells?.some((cell) => cell[0] === row && cell[1] === column) ?? false;
    }
    return row === undefined ? (columns?.includes(column!) ?? false) : (rows?.includes(row) ?? false);
  };
  return notes
    .filter(concerns)
    .map(({ mark }) => mark)
    .join(',');
}
