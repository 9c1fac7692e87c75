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
    mark: note.rows || note.columns ? String.fromCharCode(97 + next++) : '',
  }));
}

/** Marks that belong at a row's or a column's name, or at a cell. */
export function marksAt(
  notes: readonly MarkedNote[],
  place: { readonly row?: string; readonly column?: string },
): string {
  const concerns = ({ rows, columns }: MarkedNote): boolean =>
    Boolean(rows) === (place.row !== undefined) &&
    Boolean(columns) === (place.column !== undefined) &&
    (rows?.includes(place.row!) ?? true) &&
    (columns?.includes(place.column!) ?? true);
  return notes
    .filter((note) => note.mark && concerns(note))
    .map(({ mark }) => mark)
    .join(' ');
}
