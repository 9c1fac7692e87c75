import { type Comparison, publishedProtocol } from '../comparison/comparison.js';
import type { MissingGroup } from '../formats/missing.js';
import { markedNotes, marksAt } from '../formats/notes.js';
import { oursText, paperText, signed } from '../formats/numbers.js';
import { averageName, type ColumnHeading, type PaperTable } from '../paper/paper-table.js';
import { escapeHtml } from './html.js';
import { captionHtml, scrolling } from './table.js';

/**
 * A table in the paper's shape: in each cell the paper's number, below it ours, or a dash with the number of the reason. A table
 * without any result has the paper's numbers alone.
 */
export function paperMatrix(
  table: PaperTable,
  lines: readonly Comparison[],
  groups: readonly MissingGroup[],
): string {
  const notes = markedNotes(table);
  const marks = (place: { row?: string; column?: string }): string => {
    const text = marksAt(notes, place);
    return text ? `<sup><span class="hidden"> note </span>${text}</sup>` : '';
  };
  const protocol = shownProtocol(lines);
  const rows = [...new Set(lines.map(({ row }) => row))];
  const units = [...new Set(table.columns.map(({ measure }) => measure.unit))];
  const head = table.columns.map(({ name, measure: { unit } }) => {
    const own = units.length > 1 && unit ? ` (${unit})` : '';
    return `<th scope="col">${escapeHtml(name + own)}${marks({ column: name })}</th>`;
  });
  const body = rows.map((row) => {
    const cells = table.columns.map((column) => {
      const here = lines.filter((line) => line.row === row && line.column === column.name);
      const line = here.find((each) => each.protocol === protocol) ?? here[0];
      const printed = paperText(line);
      const paper = printed === null ? notInPaper : `${printed}${marks({ row, column: column.name })}`;
      return `<td class="numbers${line.ours === null ? '' : ' there'}"><span class="paper">${paper}</span>${
        protocol === null ? '' : ours(line, column, groups)
      }</td>`;
    });
    const kind = row === averageName ? ' class="average"' : '';
    return `<tr${kind}><th scope="row">${escapeHtml(row)}${marks({ row })}</th>${cells.join('')}</tr>`;
  });
  const others = lines.some(
    ({ row, column, ours: value }) =>
      value !== null &&
      !lines.some((at) => at.row === row && at.column === column && at.protocol === protocol),
  );
  const elsewhere = others ? '; where there is none of it, that of the first line below' : '';
  const title = `${table.caption}${protocol === null ? '' : ` In bold: ours, protocol: ${protocol}${elsewhere}.`}`;
  return scrolling(
    `${table.number}: the paper’s table`,
    `<table class="whole">
${captionHtml(title)}
<thead><tr><th scope="col" class="text">${escapeHtml(table.rowTitle)}</th>${head.join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table>`,
  );
}

/** One protocol for the whole table, so that its cells can be compared: the published one, or that of most results. */
function shownProtocol(lines: readonly Comparison[]): string | null {
  const counts = new Map<string, number>();
  for (const { protocol } of lines)
    if (protocol !== null) counts.set(protocol, (counts.get(protocol) ?? 0) + 1);
  if (counts.has(publishedProtocol)) return publishedProtocol;
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? null;
}

const notInPaper = '<span class="hidden">not in the paper</span>';

/** What stands below the paper's number. */
function ours(
  line: Comparison,
  { measure: { digits } }: ColumnHeading,
  groups: readonly MissingGroup[],
): string {
  if (line.ours === null) {
    const reason = groups.findIndex(({ cells }) => cells.includes(line)) + 1;
    return `<span class="missing">–<sup><span class="hidden"> no result, reason </span>${reason}</sup></span>`;
  }
  const difference =
    line.difference === null
      ? ''
      : ` <small class="${line.verdict ?? 'none'}">${signed(line.difference, digits)}</small>`;
  return `<span class="ours"><span class="hidden">ours </span>${oursText(line)}${difference}</span>`;
}
