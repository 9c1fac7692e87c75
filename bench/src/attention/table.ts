import type { SavedLine } from './results.js';
import { variants } from './settings.js';

/** The results for people: a row per mechanism and length, and who is the fastest at each length. */
export function attentionTable(lines: readonly SavedLine[]): string {
  if (lines.length === 0) return 'There is nothing to show.';
  const [{ batch, precision, features, heads, machine, device }] = lines;
  const rows = [
    ['mechanism', 'N', 'ours ms', 'JAX ms', 'ours / JAX', ''],
    ...lines.map(({ mechanism, length, msOurs, msPeer, ratio, failures }) => [
      mechanism,
      String(length),
      milliseconds(msOurs),
      milliseconds(msPeer),
      ratio?.toFixed(2) ?? '-',
      Object.entries(failures)
        .map(([program, reason]) => `${program}: ${shortened(reason)}`)
        .join('; '),
    ]),
  ];
  const widths = rows[0].map((_, column) => Math.max(...rows.map((row) => row[column].length)));
  const text = rows.map((row) =>
    row
      .map((cell, column) => {
        if (column === 0) return cell.padEnd(widths[0]);
        return column === row.length - 1 ? `  ${cell}` : cell.padStart(widths[column] + 2);
      })
      .join('')
      .trimEnd(),
  );
  const title = `Forward and backward, d ${features}, ${heads} heads, batch ${batch}, ${precision}; ${device ?? 'no device'}, ${machine}`;
  return `\n${[title, ...text, ...fastest(lines)].join('\n')}`;
}

/** Of each length: the fastest of ours that mixes tokens, and by how much the next one is slower. */
function fastest(lines: readonly SavedLine[]): string[] {
  const lengths = [...new Set(lines.map(({ length }) => length))].sort((a, b) => a - b);
  return lengths.map((length) => {
    const timed = lines.filter((line) => line.length === length && line.msOurs !== null);
    const mixing = timed
      .filter(({ mechanism }) => !variants[mechanism]?.mixesNothing)
      .sort((a, b) => (a.msOurs as number) - (b.msOurs as number));
    if (mixing.length === 0) return `N ${length}: nothing was timed`;
    const [first, ...rest] = mixing.map(({ mechanism, msOurs }) => ({ mechanism, ms: msOurs as number }));
    const next = rest.length > 0 ? `, before ${rest[0].mechanism} (${milliseconds(rest[0].ms)} ms)` : '';
    const control = timed
      .filter(({ mechanism }) => variants[mechanism]?.mixesNothing)
      .map(({ mechanism, msOurs }) => `${mechanism}, which mixes no tokens, ${milliseconds(msOurs)} ms`);
    const asides = control.length > 0 ? `; ${control.join('; ')}` : '';
    return `N ${length}: the fastest is ${first.mechanism} (${milliseconds(first.ms)} ms)${next}${asides}`;
  });
}

function milliseconds(ms: number | null): string {
  if (ms === null) return '-';
  return ms < 10 ? ms.toFixed(3) : ms.toFixed(1);
}

function shortened(reason: string): string {
  const [line] = reason.split('\n');
  return line.length > 80 ? `${line.slice(0, 77)}...` : line;
}
