/** Where a number of ours lies against the range of the paper's. */
export type Verdict = 'better' | 'within' | 'worse';

/** One line of the report: a cell of the paper's tables beside ours, or without. */
export interface Comparison {
  /** The table's key, such as `table1`. */
  readonly table: string;
  readonly row: string;
  readonly column: string;
  readonly unit: string;
  /** Null where there is no result. */
  readonly ours: number | null;
  /** Standard deviation of ours over the seeds; null for one seed. */
  readonly oursDeviation: number | null;
  /** Null in rows that the paper does not have. */
  readonly paper: number | null;
  /** The deviation that the paper prints with it. */
  readonly deviation: number | null;
  /** Ours, rounded as the paper prints, less the paper's. */
  readonly difference: number | null;
  /** What the paper's number may be by chance, from and to; null where nothing is known about that. */
  readonly range: readonly [from: number, to: number] | null;
  readonly verdict: Verdict | null;
  readonly seeds: readonly number[];
  readonly protocol: string | null;
  /** The result file, as a path from the root of the repository; null for a computed average. */
  readonly source: string | null;
  /** All result files, that in `source` first; none for a computed average, or where there is no result. */
  readonly sources: readonly string[];
  readonly note: string | null;
  /** Why there is no result; null where there is one. */
  readonly reason: string | null;
}

/** The protocol that the paper's numbers were taken by. */
export const publishedProtocol = 'published';
