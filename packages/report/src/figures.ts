import { barFigure, type Figure, type Json } from '@primal-attention/notebook';
import { type Comparison, publishedProtocol } from './comparison/comparison.js';
import type { ColumnHeading, Heading, PaperTable } from './paper/paper-table.js';
import { averageName } from './paper/paper-table.js';

/** A figure with what a page says about it. */
export interface ReportFigure {
  readonly figure: Figure;
  /** Below the figure. */
  readonly caption: string;
  /** In place of the figure, for who cannot see it. */
  readonly alt: string;
}

/** Above so many bars their values do not fit beside each other; the table has them. */
const labelledBars = 9;

/** How much of a series' colour the paper's bars have. */
const paperOpacity = 0.3;

/**
 * Bars of a table's results beside the paper's: what is higher when it is better (accuracies) in one figure from 0 on, with a
 * pair of bars for each model; what is lower when it is better (times, memory) on logarithmic scales in a figure for each
 * column, with a bar for each protocol. None for a table without results.
 *
 * @param comparisons lines of this table
 */
export function tableFigures(table: PaperTable, comparisons: readonly Comparison[]): ReportFigure[] {
  const lines = comparisons.filter(
    ({ ours, row, column }) => ours !== null && row !== averageName && column !== averageName,
  );
  const gains = lines.filter((line) => measureOf(table, line).better === 'higher');
  const costs = lines.filter((line) => measureOf(table, line).better === 'lower');
  return [
    ...(gains.length > 0 ? [gainFigure(table, gains)] : []),
    ...table.columns
      .map((column) => ({ column, own: costs.filter((line) => line.column === column.name) }))
      .filter(({ own }) => own.length > 0)
      .map(({ column, own }) => costFigure(table, column, own)),
  ];
}

function measureOf(table: PaperTable, line: Comparison): ColumnHeading['measure'] {
  return table.columns.find(({ name }) => name === line.column)!.measure;
}

/** Groups by row or by column, as the table says; in a group the paper and us for each of the others. */
function gainFigure(table: PaperTable, all: readonly Comparison[]): ReportFigure {
  const protocols = unique(all.map(({ protocol }) => protocol!));
  const protocol = protocols.includes(publishedProtocol) ? publishedProtocol : protocols[0];
  const lines = onePerCell(all, protocol);
  const byRow = table.figure === 'rows';
  const category = (line: Comparison): string => (byRow ? line.row : line.column);
  const name = (line: Comparison): string => (byRow ? line.column : line.row);
  const [groups, bars] = byRow ? [table.rows, table.columns] : [table.columns, table.rows];
  const categories = inOrderOf(groups, lines.map(category));
  const names = inOrderOf(bars, lines.map(name));
  const at = (each: string, group: string): Comparison | undefined =>
    lines.find((line) => name(line) === each && category(line) === group);
  const { measure } = table.columns.find(({ name: column }) => column === lines[0].column)!;
  const few = 2 * names.length * categories.length <= labelledBars;
  const figure = barFigure({
    title: `${table.number}: ${measure.name}, the paper and ours`,
    x: { title: capitalized(byRow ? table.rowTitle : table.columnTitle) },
    y: {
      title: capitalized(measure.name),
      ...(measure.unit && { unit: measure.unit }),
      // Room for labels above the bars.
      ...(measure.unit === '%' && { range: [0, few ? 108 : 100] as [number, number] }),
    },
    categories,
    series: names.flatMap((each, color) => [
      {
        name: `${each}, paper`,
        color,
        values: categories.map((group) => at(each, group)?.paper ?? Number.NaN),
      },
      {
        name: `${each}, ours`,
        color,
        values: categories.map((group) => at(each, group)?.ours ?? Number.NaN),
      },
    ]),
    ...(few && { labelDigits: measure.digits }),
  });
  const total = groups.filter((heading) => heading.name !== averageName).length;
  const count = `${categories.length} of ${total} have results`;
  const others = unique(
    lines.flatMap((line) => (line.protocol === protocol ? [] : [`${category(line)}: ${line.protocol}`])),
  );
  return {
    figure: finished(figure, measure, (series) => series.endsWith(', paper')),
    caption: `Pale bars: the paper; full bars: ours (${[protocol, ...others].join('; ')}). ${capitalized(byRow ? table.rowTitle : table.columnTitle)}s: ${count}.`,
    alt: `Bar chart: ${lines.map((line) => `${name(line)} on ${category(line)}: ${numbers(line, measure)}`).join('; ')}.`,
  };
}

/** Of each cell the line of this protocol, or, where there is none of it, the first. */
function onePerCell(all: readonly Comparison[], protocol: string): Comparison[] {
  const cells = new Map<string, Comparison>();
  for (const line of all) {
    const cell = JSON.stringify([line.row, line.column]);
    if (!cells.has(cell) || line.protocol === protocol) cells.set(cell, line);
  }
  return [...cells.values()];
}

/** Groups by row; in a group the paper and each of our protocols. */
function costFigure(table: PaperTable, column: ColumnHeading, lines: readonly Comparison[]): ReportFigure {
  const { measure } = column;
  const categories = unique(lines.map(({ row }) => row));
  const protocols = unique(lines.map(({ protocol }) => protocol!));
  const few = categories.length * (protocols.length + 1) <= labelledBars;
  const figure = barFigure({
    title: `${table.number}, ${column.name}: the paper and ours`,
    x: { title: capitalized(table.rowTitle) },
    y: { title: capitalized(measure.name), ...(measure.unit && { unit: measure.unit }), log: true },
    categories,
    series: [
      {
        name: 'paper',
        color: 0,
        values: categories.map((row) => lines.find((line) => line.row === row)!.paper ?? Number.NaN),
      },
      ...protocols.map((protocol, i) => ({
        name: `ours, ${protocol}`,
        color: i + 1,
        values: categories.map(
          (row) => lines.find((line) => line.row === row && line.protocol === protocol)?.ours ?? Number.NaN,
        ),
      })),
    ],
    ...(few && { labelDigits: measure.digits }),
  });
  return {
    figure: finished(figure, measure, (series) => series === 'paper'),
    caption: `${capitalized(measure.name)} (${measure.unit}), logarithmic scale; lower is better. Another machine than the paper’s: see the notes.`,
    alt: `Bar chart: ${lines.map((line) => `${line.row}, ${line.protocol}: ${numbers(line, measure)}`).join('; ')}.`,
  };
}

/** The paper's bars pale with an outline, and values with their unit where the pointer is. */
function finished(
  figure: Figure,
  measure: ColumnHeading['measure'],
  isPaper: (name: string) => boolean,
): Figure {
  const unit = measure.unit === '%' ? ' %' : ` ${measure.unit}`;
  const data = figure.data.map((trace) => {
    const marker = trace.marker as { [key: string]: Json };
    return {
      ...trace,
      // Labels that are shrunk to a bar's width cannot be read.
      constraintext: 'none',
      hovertemplate: `%{x}<br>%{fullData.name}: %{y:.${measure.digits}f}${unit}<extra></extra>`,
      marker: isPaper(String(trace.name))
        ? { color: pale(String(marker.color)), line: { color: marker.color, width: 1.5 } }
        : marker,
    };
  });
  return { ...figure, data };
}

/** `#0072b2` as a translucent colour. */
function pale(color: string): string {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${paperOpacity})`;
}

function numbers({ ours, paper }: Comparison, { digits, unit }: ColumnHeading['measure']): string {
  const text = (value: number): string => `${value.toFixed(digits)} ${unit}`.trim();
  return paper === null ? `${text(ours!)} (not in the paper)` : `${text(ours!)}, paper ${text(paper)}`;
}

/** Each name once: those of the table in its order, then others. */
function inOrderOf(headings: readonly Heading[], names: readonly string[]): string[] {
  const there = unique(names);
  const printed = headings.map(({ name }) => name).filter((name) => there.includes(name));
  return unique([...printed, ...there]);
}

function unique(names: readonly string[]): string[] {
  return [...new Set(names)];
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
