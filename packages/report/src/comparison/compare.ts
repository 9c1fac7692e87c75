import type { Cell, ReportedCells } from '@primal-attention/experiment';
import type { ColumnHeading, Heading, PaperTable, PrintedValue } from '../paper/paper-table.js';
import { paperTables } from '../paper/tables.js';
import { averageCells, missingAverage } from './averages.js';
import { checkCells } from './check-cells.js';
import { type Comparison, publishedProtocol, type Verdict } from './comparison.js';
import { paperRange } from './range.js';

/**
 * Sets cells of ours beside the paper's: one line for each cell of each table and each protocol under which it has a
 * result, or one without a result and with the reason. Averages are computed where all of their cells have results.
 * Lines stand in the paper's order, the published protocol first.
 *
 * @throws RangeError that names the first cell whose place the paper's tables do not have, that has no number, or that is
 * there twice or both with a result and as missing
 */
export function compare(reported: readonly ReportedCells[]): Comparison[] {
  const all: ReportedCells = {
    cells: reported.flatMap(({ cells }) => cells),
    missing: reported.flatMap(({ missing }) => missing),
  };
  checkCells(all);
  return paperTables.flatMap((table) => compareTable(table, all));
}

function compareTable(table: PaperTable, all: ReportedCells): Comparison[] {
  const own = [...all.cells.filter((cell) => cell.table === table.key), ...repeatedCells(table, all.cells)];
  const cells = publishedFirst([...own, ...averageCells(table, own)]);
  const missing = all.missing.filter((cell) => cell.table === table.key);
  const additions = (table.additions ?? []).filter(({ name }) =>
    [...cells, ...missing].some(({ row }) => row === name),
  );
  return [...table.rows, ...additions].flatMap((row, r) =>
    table.columns.flatMap((column, c): Comparison[] => {
      const here = cells.filter((cell) => cell.row === row.name && cell.column === column.name);
      const printed = table.values[r]?.[c];
      if (here.length > 0) return here.map((cell) => withResult(cell, row, column, printed));
      const given = missing.filter((cell) => cell.row === row.name && cell.column === column.name);
      const reasons = [...new Set(given.map(({ reason }) => reason))];
      const reason =
        reasons.length > 0
          ? reasons.join('; ')
          : (missingAverage(table, row.name, column.name, own) ?? table.missing);
      return [withoutResult(table.key, row, column, printed, reason)];
    }),
  );
}

/** Results of another table that this one has a second time. */
function repeatedCells(table: PaperTable, cells: readonly Cell[]): Cell[] {
  return (table.repeats ?? []).flatMap((repeat) =>
    cells
      .filter((cell) => cell.table === repeat.table && cell.column === repeat.column)
      .map((cell) => ({ ...cell, table: table.key, row: repeat.row, column: cell.row })),
  );
}

function publishedFirst(cells: readonly Cell[]): Cell[] {
  const place = ({ protocol }: Cell): number => (protocol === publishedProtocol ? 0 : 1);
  return [...cells].sort((a, b) => place(a) - place(b));
}

function withResult(
  cell: Cell,
  row: Heading,
  column: ColumnHeading,
  printed: PrintedValue | undefined,
): Comparison {
  const { measure } = column;
  const range = rangeOf(row, column, printed);
  return {
    ...{ table: cell.table, row: row.name, column: column.name, unit: measure.unit },
    ours: cell.ours,
    oursDeviation: cell.deviation ?? null,
    paper: printed?.value ?? null,
    deviation: printed?.deviation ?? null,
    difference: printed
      ? Number((Number(cell.ours.toFixed(measure.digits)) - printed.value).toFixed(measure.digits))
      : null,
    range,
    verdict: range && verdictOf(cell.ours, range, measure.better),
    seeds: cell.seeds,
    protocol: cell.protocol,
    source: cell.source || null,
    sources: cell.sources ?? (cell.source ? [cell.source] : []),
    note: cell.note ?? null,
    reason: null,
  };
}

function withoutResult(
  table: string,
  row: Heading,
  column: ColumnHeading,
  printed: PrintedValue | undefined,
  reason: string,
): Comparison {
  return {
    ...{ table, row: row.name, column: column.name, unit: column.measure.unit },
    ours: null,
    oursDeviation: null,
    paper: printed?.value ?? null,
    deviation: printed?.deviation ?? null,
    difference: null,
    range: rangeOf(row, column, printed),
    verdict: null,
    seeds: [],
    protocol: null,
    source: null,
    sources: [],
    note: null,
    reason,
  };
}

function rangeOf(
  row: Heading,
  column: ColumnHeading,
  printed: PrintedValue | undefined,
): [number, number] | null {
  return printed ? paperRange(printed, column.measure, row.testCases ?? column.testCases) : null;
}

function verdictOf(ours: number, [from, to]: [number, number], better: 'higher' | 'lower'): Verdict {
  if (ours >= from && ours <= to) return 'within';
  return ours > to === (better === 'higher') ? 'better' : 'worse';
}
