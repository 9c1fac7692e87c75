import type { Cell, MissingCell, ReportedCells } from '@primal-attention/experiment';
import { averageName } from '../paper/paper-table.js';
import { paperTable } from '../paper/tables.js';
import { cellKey } from './cell-key.js';

/**
 * @throws RangeError that names the first cell with a place that the paper's tables do not have, without a number, or
 * that is there twice or both with a result and as missing
 */
export function checkCells({ cells, missing }: ReportedCells): void {
  const seen = new Map<string, Cell>();
  const places = new Set<string>();
  for (const cell of cells) {
    const where = `report: cell ${placeText(cell)}, protocol '${cell.protocol}', of ${cell.source}`;
    checkPlace(cell, where);
    if (!Number.isFinite(cell.ours)) {
      throw new RangeError(
        `${where}: ours is ${cell.ours}, needs a finite number; a run without one belongs to 'missing'`,
      );
    }
    const other = seen.get(cellKey(cell));
    if (other) {
      throw new RangeError(
        `${where} is there already, from ${other.source}; give one of them a protocol of its own, or their mean`,
      );
    }
    seen.set(cellKey(cell), cell);
    places.add(cellKey({ ...cell, protocol: undefined }));
  }
  for (const cell of missing) {
    const where = `report: missing cell ${placeText(cell)} ('${cell.reason}')`;
    checkPlace(cell, where);
    if (places.has(cellKey({ ...cell, protocol: undefined }))) {
      throw new RangeError(`${where} has a result as well; it can only be one of both`);
    }
  }
}

function checkPlace({ table: key, row, column }: Cell | MissingCell, where: string): void {
  let table: ReturnType<typeof paperTable>;
  try {
    table = paperTable(key);
  } catch (error) {
    throw new RangeError(`${where}: ${(error as Error).message}`);
  }
  const known = {
    row: [...table.rows, ...(table.additions ?? [])].map(({ name }) => name),
    column: table.columns.map(({ name }) => name),
  };
  for (const [kind, name] of [['row', row] as const, ['column', column] as const]) {
    if (!known[kind].includes(name)) {
      throw new RangeError(
        `${where}: ${table.number} has no ${kind} '${name}'; it has ${known[kind].join(', ')}`,
      );
    }
    if (name === averageName) {
      throw new RangeError(`${where}: averages are computed by the report; leave this cell out`);
    }
  }
}

function placeText({ table, row, column }: Cell | MissingCell): string {
  return `${table} / ${row} / ${column}`;
}
