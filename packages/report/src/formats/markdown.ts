import { toMarkdown } from '@primal-attention/notebook';
import type { Comparison } from '../comparison/comparison.js';
import { summaryLine } from '../comparison/summary.js';
import type { PaperTable } from '../paper/paper-table.js';
import { paperTables } from '../paper/tables.js';
import { groupText, missingGroups } from './missing.js';
import { markedNotes, marksAt } from './notes.js';
import { digitsOf, oursText, paperText, rangeText, signed } from './numbers.js';

/** The tables that have results, each with one line for each result, as Markdown. Empty when there is none. */
export function resultsMarkdown(comparisons: readonly Comparison[]): string {
  return paperTables
    .map((table) => ({ table, lines: comparisons.filter((line) => line.table === table.key) }))
    .filter(({ lines }) => lines.some(({ ours }) => ours !== null))
    .map(({ table, lines }) => `## ${table.number}: ${table.title}\n\n${resultTable(table, lines)}\n`)
    .join('\n');
}

/** The whole report as Markdown: every table of the paper, with ours, and with the reason where there is none. */
export function reportMarkdown(comparisons: readonly Comparison[]): string {
  const parts = paperTables.map((table) =>
    tableSection(
      table,
      comparisons.filter((line) => line.table === table.key),
    ),
  );
  return `# The paper's tables beside ours\n\n${summaryLine(comparisons)}\n\n${rangeExplanation}\n\n${parts.join('\n')}`;
}

/** What `range` means, for readers. */
export const rangeExplanation =
  'The paper’s range: for an accuracy the 95 % (Wilson) interval that its number of test cases gives, for a number with a ' +
  'printed deviation two deviations to both sides. It does not cover the choice of seeds. Times and memory have no range: ' +
  'they depend on the machine.';

function tableSection(table: PaperTable, lines: readonly Comparison[]): string {
  const notes = markedNotes(table);
  const parts = [
    `## ${table.number}: ${table.title}`,
    `${table.caption} The paper’s numbers, with ours in bold where there is a result.`,
    matrix(table, lines),
  ];
  if (lines.some(({ ours }) => ours !== null)) parts.push('Results:', resultTable(table, lines));
  const groups = missingGroups(lines);
  if (groups.length > 0) {
    parts.push(
      'Without a result:',
      groups.map((group) => `- ${groupText(table, group)}: ${group.reason}`).join('\n'),
    );
  }
  if (notes.length > 0) {
    parts.push(
      'What to know about the paper’s numbers:',
      notes.map(({ mark, text }) => `- ${mark ? `(${mark}) ` : ''}${text}`).join('\n'),
    );
  }
  const sources = table.sources.map(
    ({ title, where, trust }) => `${title} (${where}${trust === 'secondary' ? '; secondary' : ''})`,
  );
  parts.push(`Known from: ${sources.join('; ')}.`);
  return `${parts.join('\n\n')}\n`;
}

/** The table in the paper's shape. */
function matrix(table: PaperTable, lines: readonly Comparison[]): string {
  const notes = markedNotes(table);
  const mark = (place: { row?: string; column?: string }): string => {
    const marks = marksAt(notes, place);
    return marks ? ` (${marks})` : '';
  };
  const rows = [...new Set(lines.map(({ row }) => row))];
  return toMarkdown(
    rows.map((row) => ({
      [table.rowTitle]: row + mark({ row }),
      ...Object.fromEntries(
        table.columns.map(({ name: column }) => {
          const line = lines.find((each) => each.row === row && each.column === column)!;
          const paper = paperText(line) ?? '–';
          const ours = line.ours === null ? '' : ` **${oursText(line)}**`;
          return [column + mark({ column }), paper + mark({ row, column }) + ours];
        }),
      ),
    })),
  );
}

function resultTable(table: PaperTable, lines: readonly Comparison[]): string {
  const rows = lines
    .filter(({ ours }) => ours !== null)
    .map((line): Record<string, string | null> => {
      const digits = digitsOf(line);
      return {
        [table.rowTitle]: line.row,
        [table.columnTitle]: line.column,
        unit: line.unit || null,
        ours: oursText(line),
        paper: paperText(line),
        difference: line.difference === null ? null : signed(line.difference, digits),
        'paper’s range': line.range && rangeText(line.range, digits),
        protocol: line.protocol,
        seeds: line.seeds.join(', '),
        'result file': line.sources.join(', ') || null,
        note: line.note,
      };
    });
  const used = Object.keys(rows[0]).filter((key) => rows.some((row) => row[key] !== null));
  return toMarkdown(rows.map((row) => Object.fromEntries(used.map((key) => [key, row[key]]))));
}
