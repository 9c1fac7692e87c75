import { modelNames } from './config.js';
import { paperAccuracy } from './paper.js';
import type { LoadedRun } from './summary.js';

/**
 * How far below the paper's figure an accuracy may be for the run to count as reproduced, in points: 2.4 standard errors of
 * one seed (sqrt(p (1 - p) / n) is 0.63 points at p = 98.5 % and n = 370 test samples).
 */
export const tolerance = 1.5;

/** One line of the table. Accuracies in percent. */
export interface TableRow {
  readonly dataset: string;
  readonly model: string;
  /** Best over epochs on the test set: the paper's protocol. */
  readonly ours: number;
  readonly paper: number;
  readonly difference: number;
  readonly bestEpoch: number;
  readonly last: number;
  readonly reproduced: boolean;
}

export function tableRow({ summary }: LoadedRun): TableRow {
  const { dataset, model } = summary.config;
  const paper = paperAccuracy[dataset][model];
  const ours = 100 * summary.accuracy.best;
  const difference = Number(ours.toFixed(1)) - paper;
  return {
    ...{ dataset, model, ours, paper, difference },
    bestEpoch: summary.accuracy.bestEpoch,
    last: 100 * summary.accuracy.last,
    reproduced: difference >= -tolerance,
  };
}

/** Runs in the order of the paper's columns. */
export function inPaperOrder(runs: readonly LoadedRun[]): LoadedRun[] {
  const place = ({ summary }: LoadedRun): number => modelNames.indexOf(summary.config.model);
  return [...runs].sort(
    (a, b) => a.summary.config.dataset.localeCompare(b.summary.config.dataset) || place(a) - place(b),
  );
}

export function signed(points: number): string {
  return `${points < 0 ? '−' : '+'}${Math.abs(points).toFixed(1)}`;
}

/** `| JapaneseVowels | Primal. | ours | paper | difference |`, in percent, best over epochs. */
export function markdownTable(rows: readonly TableRow[]): string {
  const lines = rows.map(
    ({ dataset, model, ours, paper, difference }) =>
      `| ${dataset} | ${model} | ${ours.toFixed(1)} | ${paper.toFixed(1)} | ${signed(difference)} |`,
  );
  return ['| dataset | model | ours | paper | difference |', '|---|---|---|---|---|', ...lines].join('\n');
}

/** Both protocols side by side. */
export function protocolTable(rows: readonly TableRow[]): string {
  const lines = rows.map(
    ({ dataset, model, ours, bestEpoch, last }) =>
      `| ${dataset} | ${model} | ${ours.toFixed(2)} (epoch ${bestEpoch}) | ${last.toFixed(2)} |`,
  );
  return ['| dataset | model | best over epochs | last epoch |', '|---|---|---|---|', ...lines].join('\n');
}
