import type { Cell } from '@primal-attention/experiment';
import { averageName, type PaperTable } from '../paper/paper-table.js';
import { cellKey } from './cell-key.js';

/**
 * Averages of our cells where a table of the paper has averages: for each protocol under which every cell that the
 * average is made of has a result.
 */
export function averageCells(table: PaperTable, cells: readonly Cell[]): Cell[] {
  const byPlace = new Map(cells.map((cell) => [cellKey(cell), cell]));
  const protocols = [...new Set(cells.map(({ protocol }) => protocol))];
  return averagePlaces(table).flatMap(({ row, column, members }) =>
    protocols.flatMap((protocol) => {
      const found = members.map((member) => byPlace.get(cellKey({ ...member, protocol })));
      if (found.some((cell) => cell === undefined)) return [];
      const all = found as Cell[];
      return {
        ...{ table: table.key, row, column, protocol },
        ours: all.reduce((sum, { ours }) => sum + ours, 0) / all.length,
        seeds: [...new Set(all.flatMap(({ seeds }) => seeds))].sort((a, b) => a - b),
        source: '',
        note: `mean of ${all.length} cells`,
      };
    }),
  );
}

/** Why an average is missing: how many of its cells have a result. Undefined for other cells. */
export function missingAverage(
  table: PaperTable,
  row: string,
  column: string,
  cells: readonly Cell[],
): string | undefined {
  const place = averagePlaces(table).find((each) => each.row === row && each.column === column);
  if (!place) return undefined;
  const { members } = place;
  const there = members.filter((member) =>
    cells.some((cell) => cell.row === member.row && cell.column === member.column),
  );
  return there.length === members.length
    ? `an average of ${members.length} cells, which have results, but not under one protocol`
    : `an average of ${members.length} cells, of which ${there.length === 0 ? 'none has a result' : `${there.length} ${there.length === 1 ? 'has a result' : 'have results'}`}`;
}

interface AveragePlace {
  readonly row: string;
  readonly column: string;
  readonly members: readonly { table: string; row: string; column: string }[];
}

function averagePlaces(table: PaperTable): AveragePlace[] {
  const { key, rows, columns } = table;
  const names = (headings: readonly { name: string }[]): string[] =>
    headings.map(({ name }) => name).filter((name) => name !== averageName);
  switch (table.average) {
    case 'rows':
      return names(columns).map((column) => ({
        ...{ row: averageName, column },
        members: names(rows).map((row) => ({ table: key, row, column })),
      }));
    case 'columns':
      return names([...rows, ...(table.additions ?? [])]).map((row) => ({
        ...{ row, column: averageName },
        members: names(columns).map((column) => ({ table: key, row, column })),
      }));
    default:
      return [];
  }
}
