import { escapeHtml } from './html.js';

/** A column of a table of texts and numbers. */
export interface HtmlColumn {
  readonly title: string;
  /** Texts stand at the left, numbers at the right. `wide` texts get room. */
  readonly kind: 'text' | 'number' | 'wide';
}

/** HTML that is put into a cell as it is; a string is escaped. */
export interface Html {
  readonly html: string;
}

/**
 * A table with headings and a caption, whose first column names its rows; it scrolls sideways where it is too wide. One that is
 * `whole` is not broken between sheets of paper.
 */
export function htmlTable(
  caption: string,
  columns: readonly HtmlColumn[],
  rows: readonly (readonly (string | Html)[])[],
  { whole = false }: { whole?: boolean } = {},
): string {
  const className = ({ kind }: HtmlColumn): string =>
    kind === 'number' ? '' : ` class="${kind === 'wide' ? 'text wide' : 'text'}"`;
  const head = columns.map(
    (column) => `<th scope="col"${className(column)}>${escapeHtml(column.title)}</th>`,
  );
  const body = rows.map((row) => {
    const cells = row.map((cell, i) => {
      const content = typeof cell === 'string' ? escapeHtml(cell) : cell.html;
      return i === 0 ? `<th scope="row">${content}</th>` : `<td${className(columns[i])}>${content}</td>`;
    });
    return `<tr>${cells.join('')}</tr>`;
  });
  return scrolling(
    caption,
    `<table${whole ? ' class="whole"' : ''}>
${captionHtml(caption)}
<thead><tr>${head.join('')}</tr></thead>
<tbody>
${body.join('\n')}
</tbody>
</table>`,
  );
}

/** A caption that stays in sight when its table is scrolled sideways. */
export function captionHtml(caption: string): string {
  return `<caption><span>${escapeHtml(caption)}</span></caption>`;
}

/** A region that the keyboard can scroll, too. */
export function scrolling(label: string, table: string): string {
  return `<div class="scroll" role="region" aria-label="${escapeHtml(label)}" tabindex="0">${table}</div>`;
}
