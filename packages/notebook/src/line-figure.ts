import type { AxisOptions, Figure, FigureSize, Trace } from './figure.js';
import { axisLayout, type Dash, legendText, plainText, seriesStyle, themed, translucent } from './theme.js';
import { checkLength, checkRange, type Gappy, type Numbers, smallestPositive, withGaps } from './values.js';

/** One line. */
export interface LineSeries {
  name: string;
  y: Numbers;
  /** Default 0, 1, 2, … */
  x?: Numbers;
  /** Standard deviation at each point, drawn as a band of y - std to y + std. */
  std?: Numbers;
  /** Default: by the series' place; solid for the first four. */
  dash?: Dash;
  /** Which of the theme's colours, from 0; default: by the series' place. The same number is the same colour in every figure. */
  color?: number;
}

export interface LineFigureOptions extends FigureSize {
  title: string;
  x: AxisOptions;
  y: AxisOptions;
  series: readonly LineSeries[];
}

/** Up to so many points each is marked. */
const MARKED_POINTS = 30;

/**
 * Lines over a common x axis.
 *
 * Values that are not finite are gaps, as are values <= 0 on a logarithmic axis. A band's lower edge that is not
 * positive on a logarithmic axis is drawn at the series' smallest positive value.
 *
 * @throws RangeError if x, y and std of a series differ in length, or a range does not fit its scale
 */
export function lineFigure(options: LineFigureOptions): Figure {
  const { title, x: xAxis, y: yAxis, series } = options;
  checkRange('lineFigure: x', xAxis);
  checkRange('lineFigure: y', yAxis);
  const bands: Trace[] = [];
  const lines: Trace[] = [];
  series.forEach((line, index) => {
    const where = `lineFigure: series '${line.name}'`;
    if (line.x) checkLength(`${where}: x`, line.y.length, line.x, 'y');
    if (line.std) checkLength(`${where}: std`, line.y.length, line.std, 'y');
    const style = { ...seriesStyle(line.color ?? index), ...(line.dash && { dash: line.dash }) };
    const x = withGaps(line.x ?? Array.from({ length: line.y.length }, (_, i) => i), xAxis.log);
    const y = withGaps(line.y, yAxis.log);
    const group = String(index);
    if (line.std) bands.push(band(line, x, y, yAxis.log === true, translucent(style.color, 0.18), group));
    lines.push({
      type: 'scatter',
      mode: x.length <= MARKED_POINTS || hasLonePoint(x, y) ? 'lines+markers' : 'lines',
      name: legendText(line.name),
      legendgroup: group,
      x,
      y,
      line: { color: style.color, dash: style.dash, width: 2 },
      marker: { size: 5 },
      connectgaps: false,
    });
  });
  // Bands lie below all lines.
  const data = [...bands, ...lines];
  const shown = (key: 'x' | 'y'): Gappy => data.flatMap((trace) => trace[key] as Gappy);
  return {
    data,
    ...themed(title, options, series.length > 1, {
      xaxis: axisLayout(xAxis, shown('x')),
      yaxis: axisLayout(yAxis, shown('y')),
    }),
  };
}

/** The band as one closed outline for each stretch without a gap. */
function band(series: LineSeries, x: Gappy, y: Gappy, log: boolean, color: string, group: string): Trace {
  const floor = log ? smallestPositive(series.y) : 0;
  const std = withGaps(series.std!);
  const outlineX: Gappy = [];
  const outlineY: Gappy = [];
  for (let start = 0; start < y.length; start++) {
    if (x[start] === null || y[start] === null || std[start] === null) continue;
    let end = start;
    while (end < y.length && x[end] !== null && y[end] !== null && std[end] !== null) end++;
    const stretch = Array.from({ length: end - start }, (_, i) => start + i);
    if (outlineX.length > 0) {
      outlineX.push(null);
      outlineY.push(null);
    }
    for (const i of stretch) {
      outlineX.push(x[i]);
      outlineY.push(y[i]! + std[i]!);
    }
    for (const i of stretch.reverse()) {
      const lower = y[i]! - std[i]!;
      outlineX.push(x[i]);
      outlineY.push(log && lower <= 0 ? Math.min(floor, y[i]!) : lower);
    }
    start = end;
  }
  return {
    type: 'scatter',
    mode: 'lines',
    name: `${plainText(series.name)} ± std`,
    legendgroup: group,
    showlegend: false,
    hoverinfo: 'skip',
    x: outlineX,
    y: outlineY,
    fill: 'toself',
    fillcolor: color,
    line: { width: 0 },
  };
}

/** Whether a point stands between two gaps, where no line would show it. */
function hasLonePoint(x: Gappy, y: Gappy): boolean {
  const shown = (i: number): boolean => i >= 0 && i < y.length && x[i] !== null && y[i] !== null;
  return y.some((_, i) => shown(i) && !shown(i - 1) && !shown(i + 1));
}
