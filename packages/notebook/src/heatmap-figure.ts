import type { Figure, FigureSize, Json, Trace } from './figure.js';
import { axisLayout, colorScales, lineColor, plainText, themed, withUnit } from './theme.js';
import { checkLength, checkRange, type Gappy, type Numbers, withGaps } from './values.js';

/** What the rows or the columns of a heat map are. */
export interface HeatmapAxis {
  /** `Key`. */
  title: string;
  /** A name for each; default 0, 1, 2, … */
  labels?: readonly string[];
}

/** What the colours of a heat map stand for. */
export interface HeatmapColor {
  /** What it shows: `Attention weight`. */
  title: string;
  /** Its unit, set behind the title in parentheses. */
  unit?: string;
  /** From and to; default: those of the values, and with `diverging` the same distance to both sides of zero. */
  range?: [from: number, to: number];
  /** Two colours that meet at zero, for differences; default: one scale from dark to light. */
  diverging?: boolean;
}

export interface HeatmapFigureOptions extends FigureSize {
  title: string;
  /** What the columns are. */
  x: HeatmapAxis;
  /** What the rows are, from the top. */
  y: HeatmapAxis;
  /** The rows, from the top, all of one length. */
  values: readonly Numbers[];
  color: HeatmapColor;
  /** Cells as high as they are wide, as for a matrix of attention. Default: the cells fill the figure. */
  square?: boolean;
  /** Writes each value in its cell with so many digits behind the point. */
  labelDigits?: number;
}

/**
 * A matrix as colours: row 0 at the top, column 0 at the left. Values that are not finite are holes.
 *
 * @throws RangeError if rows differ in length, labels do not fit or repeat, or the range is none
 */
export function heatmapFigure(options: HeatmapFigureOptions): Figure {
  const { title, x, y, values, color, square, labelDigits } = options;
  const columns = values[0]?.length ?? 0;
  values.forEach((row, index) => {
    checkLength(`heatmapFigure: row ${index}`, columns, row, 'row 0');
  });
  checkLabels('heatmapFigure: x', x, columns, 'columns');
  checkLabels('heatmapFigure: y', y, values.length, 'rows');
  checkRange('heatmapFigure: color', color);
  if (color.diverging && color.range && color.range[0] !== -color.range[1]) {
    throw new RangeError(
      `heatmapFigure: color: range [${color.range.join(', ')}] needs to reach as far below zero, where the colours meet, as above it`,
    );
  }
  const z = values.map((row) => withGaps(row));
  const [from, to] = color.range ?? colorRange(z, color.diverging === true);
  const trace: Trace = {
    type: 'heatmap',
    z,
    ...(x.labels && { x: x.labels.map(plainText) }),
    ...(y.labels && { y: y.labels.map(plainText) }),
    zmin: from,
    zmax: to,
    colorscale: color.diverging ? colorScales.diverging : colorScales.sequential,
    colorbar: {
      title: { text: plainText(withUnit(color.title, color.unit)), side: 'right' },
      thickness: 14,
      outlinewidth: 0,
      ticks: 'outside',
      ticklen: 4,
      tickcolor: lineColor,
      exponentformat: 'power',
    },
    hoverongaps: false,
    hovertemplate: `${plainText(y.title)} %{y}<br>${plainText(x.title)} %{x}<br>${plainText(withUnit(color.title, color.unit))} %{z:.4g}<extra></extra>`,
    ...(labelDigits !== undefined && {
      text: z.map((row) => row.map((value) => value?.toFixed(labelDigits).replace('-', '−') ?? '')),
      texttemplate: '%{text}',
    }),
  };
  return {
    data: [trace],
    // Beside a square, a wide figure is empty.
    ...themed(title, { ...options, width: options.width ?? (square ? 520 : undefined) }, false, {
      xaxis: { ...cellAxis(x, [-0.5, columns - 0.5]), ...(square && { constrain: 'domain' }) },
      yaxis: {
        ...cellAxis(y, [values.length - 0.5, -0.5]),
        ...(square && { scaleanchor: 'x', constrain: 'domain' }),
      },
    }),
  };
}

function cellAxis({ title, labels }: HeatmapAxis, range: [number, number]): { [key: string]: Json } {
  return {
    ...axisLayout({ title }),
    type: labels ? 'category' : 'linear',
    range: range[0] === range[1] ? [-0.5, 0.5] : range,
    showgrid: false,
    // A frame: the scale's dark end is hardly seen on a dark page, and its light end on a white one.
    mirror: true,
    // Cells are numbered: no ticks between two of them.
    ...(!labels && Math.abs(range[1] - range[0]) <= 10 && { dtick: 1 }),
  };
}

function checkLabels(where: string, { labels }: HeatmapAxis, count: number, what: string): void {
  if (!labels) return;
  if (labels.length !== count) {
    throw new RangeError(`${where}: got ${labels.length} labels for ${count} ${what}`);
  }
  const repeated = labels.find((label, index) => labels.indexOf(label) !== index);
  if (repeated !== undefined) {
    throw new RangeError(`${where}: the label '${repeated}' names two ${what}; each needs its own`);
  }
}

/** From the smallest to the largest value, never empty. */
function colorRange(rows: readonly Gappy[], diverging: boolean): [number, number] {
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const row of rows) {
    for (const value of row) {
      if (value === null) continue;
      from = Math.min(from, value);
      to = Math.max(to, value);
    }
  }
  if (from > to) return diverging ? [-1, 1] : [0, 1];
  if (diverging) {
    const reach = Math.max(Math.abs(from), Math.abs(to)) || 1;
    return [-reach, reach];
  }
  return from < to ? [from, to] : [from - 0.5, to + 0.5];
}
