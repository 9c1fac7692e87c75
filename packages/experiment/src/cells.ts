/**
 * One number of ours for a cell of a table of the paper. An experiment gives those that its committed results hold, and the
 * report puts them beside the paper's.
 */
export interface Cell {
  /** The table's key in the report, such as `table1` or `table4-time`. */
  readonly table: string;
  /** Row and column by the names that the paper prints, such as `Text` and `Primal.+Trans.`. */
  readonly row: string;
  readonly column: string;
  /** In the table's unit: accuracies in percent. The mean where there are several seeds. */
  readonly ours: number;
  /** Standard deviation over the seeds, where there are several. */
  readonly deviation?: number;
  /** Seeds of the runs behind the number. */
  readonly seeds: readonly number[];
  /** How the number was taken, such as `published` or `last checkpoint`; one cell may be there under several. */
  readonly protocol: string;
  /** The result file, as a path from the root of the repository with forward slashes. */
  readonly source: string;
  /** Where several files are behind the number, all of them, the one in `source` first. */
  readonly sources?: readonly string[];
  /** What a reader must know to compare, such as another card or a precision. */
  readonly note?: string;
}

/** A cell for which there is no result, and why. */
export interface MissingCell {
  readonly table: string;
  readonly row: string;
  readonly column: string;
  /** Such as `PEMS-SF is not on this machine: pnpm primal data get uea/PEMS-SF`. */
  readonly reason: string;
}

/** What an experiment's `cells` module exports as `cells`. */
export interface ReportedCells {
  readonly cells: readonly Cell[];
  readonly missing: readonly MissingCell[];
}
