import { cellKey } from './cell-key.js';
import type { Comparison, Verdict } from './comparison.js';

/** How many cells there are, how many have results, and where these lie. */
export interface Summary {
  /** Cells that the paper prints. */
  readonly cells: number;
  readonly withResults: number;
  /** Of the cells with results, by their first protocol: the published one where there is a result of it. */
  readonly verdicts: Readonly<Record<Verdict | 'no range', number>>;
  /** Cells with results in rows that the paper does not have. */
  readonly additions: number;
}

/** Counts cells, not lines: a cell under several protocols counts once, by its first one. */
export function summarize(comparisons: readonly Comparison[]): Summary {
  const first = [
    ...new Map(
      [...comparisons].reverse().map((line) => [cellKey({ ...line, protocol: undefined }), line]),
    ).values(),
  ];
  const printed = first.filter(({ paper }) => paper !== null);
  const there = printed.filter(({ ours }) => ours !== null);
  const count = (verdict: Verdict | null): number => there.filter((line) => line.verdict === verdict).length;
  return {
    cells: printed.length,
    withResults: there.length,
    verdicts: {
      within: count('within'),
      better: count('better'),
      worse: count('worse'),
      'no range': count(null),
    },
    additions: first.filter(({ paper, ours }) => paper === null && ours !== null).length,
  };
}

/** The summary in one line of text. */
export function summaryLine(comparisons: readonly Comparison[]): string {
  const { cells, withResults, verdicts, additions } = summarize(comparisons);
  const line =
    `cells: ${withResults} with results of ${cells}; ${verdicts.within} within the paper's range, ` +
    `${verdicts.better} better, ${verdicts.worse} worse, ${verdicts['no range']} without a range`;
  return additions > 0 ? `${line}; ${additions} that the paper does not have` : line;
}
