import { type Comparison, publishedProtocol } from '../comparison/comparison.js';
import { summarize } from '../comparison/summary.js';
import { tableFigures } from '../figures.js';
import { rangeExplanation } from '../formats/markdown.js';
import { groupText, type MissingGroup, missingGroups } from '../formats/missing.js';
import { markedNotes } from '../formats/notes.js';
import { digitsOf, oursText, paperText, rangeText, signed } from '../formats/numbers.js';
import type { PaperTable } from '../paper/paper-table.js';
import { paperTables } from '../paper/tables.js';
import { htmlFigure } from './figure.js';
import { escapeHtml } from './html.js';
import { htmlPage } from './html-page.js';
import { paperMatrix } from './matrix.js';
import { type Html, htmlTable } from './table.js';

/**
 * The report as one HTML file: every table of the paper with ours in it, figures of what has results, and the reason where
 * there is no result. Links to result files reach the root of the repository through `root`, by default the folder above the
 * page's.
 */
export function reportPage(
  comparisons: readonly Comparison[],
  { root = '..' }: { root?: string } = {},
): string {
  const lines = new Map(
    paperTables.map((table) => [table.key, comparisons.filter((line) => line.table === table.key)]),
  );
  return htmlPage({
    title: 'Primal-Attention: the paper’s tables beside ours',
    header: `<p>Every table of <cite>Primal-Attention: Self-attention through Asymmetric Kernel SVD in Primal Representation</cite>
(Chen, Tao, Tonin and Suykens, NeurIPS 2023), cell by cell, with the results that this repository holds.</p>
${tally(comparisons)}`,
    main: [
      howToRead,
      overview(lines),
      ...paperTables.map((table) => section(table, lines.get(table.key)!, root)),
    ].join('\n'),
    footer: `<p>Made from committed result files alone. The same lines as data: <a href="report.csv">report.csv</a>; as text:
<a href="report.md">report.md</a>.</p>`,
  });
}

const howToRead = `<section aria-labelledby="reading">
<h2 id="reading">How to read this</h2>
<ul>
<li>Each table has the paper’s shape. A cell shows the paper’s number and, in bold below it, ours with the difference. Where there is
no result, a dash with a number leads to the reason below the table; a table of which nothing has been run shows the paper’s numbers
alone. Small letters lead to notes on the paper’s numbers.</li>
<li>Below it, each result has a line with its protocol, seeds and file. <em>${publishedProtocol}</em> is the protocol of the paper, which
for accuracies is often an optimistic one; others stand beside it. Several seeds give their mean and standard deviation.</li>
<li>${escapeHtml(rangeExplanation)}</li>
</ul>
</section>`;

function tally(comparisons: readonly Comparison[]): string {
  const { cells, withResults, verdicts } = summarize(comparisons);
  return `<p class="tally"><strong>${withResults}</strong> of ${cells} cells have a result: <strong>${verdicts.within}</strong> within the
paper’s range, <strong>${verdicts.better}</strong> better, <strong>${verdicts.worse}</strong> worse, <strong>${verdicts['no range']}</strong>
without a range.</p>`;
}

function overview(lines: ReadonlyMap<string, readonly Comparison[]>): string {
  const rows = paperTables.map((table) => {
    const { cells, withResults, verdicts } = summarize(lines.get(table.key)!);
    const name: Html = {
      html: `<a href="#${table.key}">${escapeHtml(`${table.number}: ${table.title}`)}</a>`,
    };
    const counts = [
      cells,
      withResults,
      verdicts.within,
      verdicts.better,
      verdicts.worse,
      verdicts['no range'],
    ];
    return [name, ...counts.map(String)];
  });
  return `<section aria-labelledby="overview">
<h2 id="overview">Overview</h2>
${htmlTable(
  'Cells of each table, and where our results lie against the paper’s range',
  [
    { title: 'table', kind: 'text' },
    ...['cells', 'with results', 'within', 'better', 'worse', 'no range'].map((title) => ({
      title,
      kind: 'number' as const,
    })),
  ],
  rows,
  { whole: true },
)}
</section>`;
}

function section(table: PaperTable, lines: readonly Comparison[], root: string): string {
  const { key, number, title } = table;
  const groups = missingGroups(lines);
  const notes = markedNotes(table);
  const sources = table.sources.map(
    ({ title: source, where, trust }) =>
      `${escapeHtml(source)} (${escapeHtml(where)}${trust === 'secondary' ? '; secondary' : ''})`,
  );
  return `<section aria-labelledby="${key}">
<h2 id="${key}">${escapeHtml(`${number}: ${title}`)}</h2>
${paperMatrix(table, lines, groups)}
${tableFigures(table, lines)
  .map(({ figure, ...texts }) => htmlFigure(figure, texts))
  .join('\n')}
${results(table, lines, root)}
${missing(table, groups)}
${
  notes.length > 0
    ? `<h3>About the paper’s numbers</h3>
<ul class="note">
${notes.map(({ mark, text }) => `<li>${mark ? `<sup>${mark}</sup> ` : ''}${escapeHtml(text)}</li>`).join('\n')}
</ul>`
    : ''
}
<p class="note">Known from: ${sources.join('; ')}.</p>
</section>`;
}

function missing(table: PaperTable, groups: readonly MissingGroup[]): string {
  if (groups.length === 0) return '';
  const items = groups.map(
    (group) =>
      `<li><strong>${escapeHtml(group.reason)}</strong>: ${escapeHtml(groupText(table, group))}</li>`,
  );
  return `<h3>Without a result</h3>
<ol class="note">
${items.join('\n')}
</ol>`;
}

function results(table: PaperTable, lines: readonly Comparison[], root: string): string {
  const there = lines.filter(({ ours }) => ours !== null);
  if (there.length === 0) return '';
  const hasNotes = there.some(({ note }) => note !== null);
  const hasRanges = there.some(({ range }) => range !== null);
  const units = [...new Set(there.map(({ unit }) => unit))];
  const unit = units.length === 1 && units[0] ? `, in ${units[0]}` : '';
  const withUnit = (text: string, line: Comparison): string =>
    units.length > 1 ? `${text} ${line.unit}` : text;
  return `<h3>Results</h3>
${htmlTable(
  `${table.number}: our results, one line for each protocol${unit}`,
  [
    { title: table.rowTitle, kind: 'text' },
    { title: table.columnTitle, kind: 'text' },
    { title: 'protocol', kind: 'text' },
    { title: 'ours', kind: 'number' },
    { title: 'paper', kind: 'number' },
    { title: 'difference', kind: 'number' },
    ...(hasRanges
      ? [
          { title: 'paper’s range', kind: 'text' as const },
          { title: 'ours is', kind: 'text' as const },
        ]
      : []),
    { title: there.some(({ seeds }) => seeds.length > 1) ? 'seeds' : 'seed', kind: 'text' },
    { title: 'result in experiments/', kind: 'wide' },
    ...(hasNotes ? [{ title: 'note', kind: 'wide' as const }] : []),
  ],
  there.map((line) => [
    line.row,
    line.column,
    line.protocol!,
    withUnit(oursText(line)!, line),
    line.paper === null ? 'not in it' : withUnit(paperText(line)!, line),
    line.difference === null ? '–' : signed(line.difference, digitsOf(line)),
    ...(hasRanges
      ? [
          line.range === null ? 'none' : rangeText(line.range, digitsOf(line)).replaceAll(' ', '\u00a0'),
          verdictCell(line),
        ]
      : []),
    line.seeds.join(', '),
    line.sources.length === 0 ? '–' : fileLinks(line.sources, root),
    ...(hasNotes ? [line.note ?? ''] : []),
  ]),
)}`;
}

function verdictCell({ verdict }: Comparison): string | Html {
  return verdict === null ? '–' : { html: `<span class="${verdict}">${verdict}</span>` };
}

function fileLinks(paths: readonly string[], root: string): Html {
  return { html: paths.map((path) => fileLink(path, root)).join(', ') };
}

function fileLink(path: string, root: string): string {
  const href = `${root}/${path.split('/').map(encodeURIComponent).join('/')}`;
  // What all have in common would fill the column; long paths break at their folders.
  const short = path.replace(/^experiments\//, '').replace(/\/summary\.json$/, '');
  return `<a href="${escapeHtml(href)}">${escapeHtml(short).replaceAll('/', '/<wbr>')}</a>`;
}
