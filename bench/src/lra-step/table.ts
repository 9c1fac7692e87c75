import type { resultLine } from './result-line.js';

/** The results for people: a row per program, with its time over the first program's. */
export function table(lines: readonly ReturnType<typeof resultLine>[]): string {
  const [{ mechanism, length, batch, precision, stepsPerRead, machine, ratioTo }] = lines;
  const seconds = (ms: number | null): string => (ms === null ? '-' : (ms / 1000).toFixed(2));
  const rows = [
    ['', 'ms a step', `times ${ratioTo}`, 'overhead ms', 'first loss s', 'from disk s', 'peak MiB'],
    ...lines.map((line) => [
      line.backend,
      line.msPerStep.toFixed(2),
      line.ratio.toFixed(2),
      line.overheadMs?.toFixed(3) ?? '-',
      seconds(line.firstLossMs.cold),
      seconds(line.firstLossMs.disk),
      typeof line.peakBytes === 'number' ? (line.peakBytes / 2 ** 20).toFixed(1) : '-',
    ]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const text = rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column] + 2)))
      .join(''),
  );
  const title = `One training step, ${mechanism}, N ${length}, batch ${batch}, ${precision}, ${stepsPerRead} step${stepsPerRead > 1 ? 's' : ''} a read; ${machine}`;
  return `\n${[title, ...text].join('\n')}`;
}
