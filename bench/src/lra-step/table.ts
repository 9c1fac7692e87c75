import { hasTimes, type Line, labelOf, type ResultLine } from './result-line.js';
import { describePrecision } from './settings.js';

/** The results of programs that took turns, for people: a row each, with its time over the first program's. */
export function table(lines: readonly Line[]): string {
  const timed = lines.filter(hasTimes);
  const rows = [
    ['', 'ms a step', ...ratioTitle(timed), 'overhead ms', 'first loss s', 'from disk s', 'peak MiB'],
    ...timed.map((line) => [
      nameIn(lines, line),
      line.msPerStep.toFixed(2),
      line.ratio.toFixed(2),
      line.overheadMs?.toFixed(3) ?? '-',
      seconds(line.firstLossMs.cold),
      seconds(line.firstLossMs.disk),
      mebibytes(line.peakBytes),
    ]),
  ];
  return ['', titleOf(lines), ...(timed.length > 0 ? aligned(rows) : []), ...remarks(lines)].join('\n');
}

/** Times and memory of all lengths, a column each, and the time of the last mechanism over the first in the same form. */
export function lengthsTable(lines: readonly Line[]): string {
  const lengths = [...new Set(lines.map(({ length }) => length))].sort((a, b) => a - b);
  const names = [...new Set(lines.map((line) => nameIn(lines, line)))];
  const at = (name: string, length: number): ResultLine | undefined =>
    lines.filter(hasTimes).find((line) => nameIn(lines, line) === name && line.length === length);
  const part = (title: string, of: (line: ResultLine) => string): string[][] => [
    [title, ...lengths.map((length) => `N ${length}`)],
    ...names.map((name) => [name, ...lengths.map((length) => textOf(at(name, length), of))]),
  ];
  const [{ batch, length, precision, machine }] = lines;
  return [
    '',
    `One training step of ${batch * length} tokens, ${describePrecision(precision)}; ${machine}`,
    ...aligned([
      ...part('ms a step', ({ msPerStep }) => msPerStep.toFixed(2)),
      ...part(`times ${lines.find(hasTimes)?.ratioTo ?? '-'}`, ({ ratio }) => ratio.toFixed(2)),
      ...part('peak MiB', ({ peakBytes }) => mebibytes(peakBytes)),
    ]),
    ...remarks(lines, true),
  ].join('\n');
}

function textOf(line: ResultLine | undefined, of: (line: ResultLine) => string): string {
  return line === undefined ? '-' : of(line);
}

function titleOf(lines: readonly Line[]): string {
  const [{ length, batch, precision, stepsPerRead, machine }] = lines;
  const mechanisms = [...new Set(lines.map(({ mechanism }) => mechanism))].join(' and ');
  return `One training step, ${mechanisms}, N ${length}, batch ${batch}, ${describePrecision(precision)}, ${stepsPerRead} step${stepsPerRead > 1 ? 's' : ''} a read; ${machine}`;
}

function ratioTitle(timed: readonly ResultLine[]): string[] {
  return timed.length > 0 ? [`times ${timed[0].ratioTo}`] : [];
}

function nameIn(lines: readonly Line[], { backend, kernels, ...settings }: Line): string {
  const several = new Set(lines.map(({ mechanism }) => mechanism)).size > 1;
  return labelOf({ name: backend, kernels, settings: settings as never }, several);
}

/** What a reader must know: programs that failed, and kernels that did not run. */
function remarks(lines: readonly Line[], withLength = false): string[] {
  const texts = lines.flatMap((line) => {
    const who = `${nameIn(lines, line)}${withLength ? `, N ${line.length}` : ''}`;
    if (!hasTimes(line)) return [`${who}: failed, ${line.failure}`];
    if (line.kernelsRefused === null) return [];
    return [`${who}: no kernels ran, but plain formulations: ${line.kernelsRefused}`];
  });
  return [...new Set(texts)];
}

function seconds(ms: number | null): string {
  return ms === null ? '-' : (ms / 1000).toFixed(2);
}

function mebibytes(bytes: number | null): string {
  return bytes === null ? '-' : (bytes / 2 ** 20).toFixed(1);
}

/** Names to the left, numbers to the right. */
function aligned(rows: readonly (readonly string[])[]): string[] {
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  return rows.map((row) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0]) : cell.padStart(widths[column] + 2)))
      .join(''),
  );
}
