import type { Cell, MissingCell, ReportedCells } from '@primal-attention/experiment';
import { type CommittedResults, committedResults } from './committed.js';
import { hasOutcome, type Line, type MeasuredLine } from './measurement.js';
import {
  additionalRows,
  type Model,
  type ModelName,
  models,
  paperRows,
  type TaskName,
  taskNames,
  tasks,
} from './settings.js';

const rows: readonly ModelName[] = [...paperRows, ...additionalRows];

/**
 * What the committed results hold of Table 4: seconds per 1,000 training steps (`table4-time`), and GB, 10^9 bytes, that the
 * device had in use at most (`table4-memory`).
 *
 * Ours are training steps alone. The paper's times also have the evaluations that its scripts make in between.
 */
export function cells(): ReportedCells {
  return cellsOf(committedResults());
}

/** The same for results at hand. */
export function cellsOf(files: readonly CommittedResults[]): ReportedCells {
  const cards = new Set(files.filter(hasPublished).map(({ card }) => card));
  const found: Cell[] = [];
  const missing: MissingCell[] = [];
  for (const row of rows) {
    for (const column of taskNames) {
      const lines = files.flatMap((file) => published(file, row, column).map((line) => ({ file, line })));
      const measured = lines.filter(({ line }) => hasOutcome(line));
      for (const { file, line } of measured) {
        const shared = {
          ...{ row, column, seeds: [line.seed], source: file.source },
          protocol: `${line.precision}${line.kernels === 'on' ? ', kernels' : ''}, training steps alone${cards.size > 1 ? `, ${file.card}` : ''}`,
        };
        const { msPerStep, devicePeakBytes } = line as MeasuredLine;
        const note = noteOf(file, row, column);
        found.push({ table: 'table4-time', ...shared, ours: msPerStep, note });
        if (devicePeakBytes !== null) {
          found.push({ table: 'table4-memory', ...shared, ours: devicePeakBytes / 1e9, note });
        }
      }
      // A model that the paper does not have is missing only where it was tried.
      if (lines.length === 0 && !(paperRows as readonly string[]).includes(row)) continue;
      const reason = reasonFor(lines.map(({ line }) => line));
      if (measured.length === 0) missing.push({ table: 'table4-time', row, column, reason });
      if (
        !found.some((cell) => cell.table === 'table4-memory' && cell.row === row && cell.column === column)
      ) {
        missing.push({ table: 'table4-memory', row, column, reason });
      }
    }
  }
  refuseTwice(found);
  return { cells: found, missing };
}

/** Two files of one card cannot both stand for it. */
function refuseTwice(cells: readonly Cell[]): void {
  const sources = new Map<string, string>();
  for (const { table, row, column, protocol, source } of cells) {
    const key = JSON.stringify([table, row, column, protocol]);
    const other = sources.get(key);
    if (other !== undefined) {
      throw new Error(
        `cells: ${source} and ${other} both have ${row} on ${column} (${protocol}); keep one of the files`,
      );
    }
    sources.set(key, source);
  }
}

function hasPublished(file: CommittedResults): boolean {
  return rows.some((row) => taskNames.some((column) => published(file, row, column).length > 0));
}

/** Lines of ours at the published size, without those that were to have kernels and have none. */
function published({ lines }: CommittedResults, model: ModelName, task: TaskName): Line[] {
  const { length, batch } = tasks[task];
  return lines.filter(
    (line) =>
      line.part === 'table' &&
      line.program === 'ours' &&
      line.model === model &&
      line.task === task &&
      line.length === length &&
      line.batch === batch &&
      !(hasOutcome(line) && line.kernelsRefused !== undefined),
  );
}

function noteOf({ card }: CommittedResults, row: ModelName, column: TaskName): string {
  const { note }: Model = models[row];
  return [
    `${card}; the paper's times have evaluations in them`,
    ...(note ? [note] : []),
    ...(tasks[column].batch === 256 ? ['256 samples at once; published as two micro-batches of 128'] : []),
  ].join('; ');
}

function reasonFor(lines: readonly Line[]): string {
  const failures = lines.flatMap((line) =>
    hasOutcome(line) ? [] : [`${line.precision}${line.kernels === 'on' ? ', kernels' : ''}: ${line.failure}`],
  );
  if (failures.length > 0) return failures.join('; ');
  if (lines.length > 0) return 'the device does not count its memory';
  return 'not measured yet: experiments/lra-efficiency/README.md says how, on a GPU';
}
