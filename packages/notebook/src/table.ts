import { display } from './display.js';

/** A cell of a table; null and undefined are shown as a dash. */
export type TableCell = string | number | boolean | null | undefined;

/** A row: what stands under each column's name. */
export type TableRow = Readonly<Record<string, TableCell>>;

/** Also numbers that were passed as text, in a form of their own. */
const NUMBER = /^(?:[-+−]?\d[\d.,]*(?:e[-+]?\d+)?(?: ?%|×)?(?: \([\d.]+×\))?|[-+−]?Infinity|NaN)$/;

/** Shows rows as a table below the running notebook cell; elsewhere prints it as Markdown. */
export function table(rows: readonly TableRow[]): void {
  const markdown = toMarkdown(rows);
  // Jupyter ranks HTML above text; a code host and a terminal have the text.
  if (!display({ 'text/html': toHtml(rows), 'text/plain': markdown })) console.log(markdown);
}

/**
 * Rows as a Markdown table, columns in the order in which they first appear. Numbers are written with up to four
 * significant digits (whole ones with all of theirs); for other forms pass strings. Columns of numbers are aligned to the right.
 */
export function toMarkdown(rows: readonly TableRow[]): string {
  const { names, numeric, cells } = layOut(rows, escapeMarkdown);
  const widths = names.map((name, column) =>
    Math.max(3, name.length, ...cells.map((row) => row[column].length)),
  );
  const line = (row: readonly string[]): string =>
    `| ${row.map((cell, c) => (numeric[c] ? cell.padStart(widths[c]) : cell.padEnd(widths[c]))).join(' | ')} |`;
  const rule = widths.map((width, c) => (numeric[c] ? `${'-'.repeat(width - 1)}:` : '-'.repeat(width)));
  return [line(names), line(rule), ...cells.map(line)].join('\n');
}

function toHtml(rows: readonly TableRow[]): string {
  const { names, numeric, cells } = layOut(rows, escapeHtml);
  const row = (tag: string, values: readonly string[]): string =>
    `<tr>${values
      .map((value, c) => `<${tag} style="text-align: ${numeric[c] ? 'right' : 'left'}">${value}</${tag}>`)
      .join('')}</tr>`;
  return [
    '<table>',
    `<thead>${row('th', names)}</thead>`,
    '<tbody>',
    ...cells.map((values) => row('td', values)),
    '</tbody>',
    '</table>',
  ].join('\n');
}

function layOut(rows: readonly TableRow[], escaped: (text: string) => string) {
  const keys = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  if (keys.length === 0) throw new RangeError('table: got no rows with columns, needs at least one');
  return {
    names: keys.map(escaped),
    numeric: keys.map((key) => {
      const present = rows.map((row) => row[key]).filter((value) => value !== null && value !== undefined);
      return present.length > 0 && present.every((value) => NUMBER.test(String(value)));
    }),
    cells: rows.map((row) => keys.map((key) => escaped(text(row[key])))),
  };
}

function text(value: TableCell): string {
  if (value === null || value === undefined) return '–';
  if (typeof value !== 'number' || Number.isInteger(value)) return String(value);
  return String(Number(value.toPrecision(4)));
}

function escapeMarkdown(value: string): string {
  return value
    .replaceAll('\\', '\\\\')
    .replaceAll('|', '\\|')
    .replace(/\s*\n\s*/g, ' ');
}

function escapeHtml(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
