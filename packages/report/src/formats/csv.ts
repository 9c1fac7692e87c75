import type { Comparison } from '../comparison/comparison.js';

const columns = [
  'table',
  'row',
  'column',
  'unit',
  'ours',
  'ours_deviation',
  'paper',
  'deviation',
  'difference',
  'range_from',
  'range_to',
  'verdict',
  'seeds',
  'protocol',
  'source',
  'sources',
  'note',
  'reason',
] as const;

/** All lines as CSV (RFC 4180), a header first. Seeds and result files are separated by blanks; what is not there is empty. */
export function toCsv(comparisons: readonly Comparison[]): string {
  const rows = comparisons.map(({ range, seeds, sources, oursDeviation, ...line }) => {
    const fields = {
      ...line,
      ours_deviation: oursDeviation,
      seeds: seeds.join(' '),
      sources: sources.join(' '),
      range_from: range?.[0],
      range_to: range?.[1],
    };
    return columns.map((column) => field(fields[column]));
  });
  return [columns, ...rows].map((row) => `${row.join(',')}\r\n`).join('');
}

function field(value: string | number | null | undefined): string {
  const text = value === null || value === undefined ? '' : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
