import type { AxisOptions, Figure, FigureSize, Trace } from './figure.js';
import { placeLabels } from './labels.js';
import { axisLayout, legendText, plainText, seriesStyle, symbols, textColor, themed } from './theme.js';
import { checkLength, checkRange, type Numbers, withGaps } from './values.js';

/** Points of one kind. */
export interface ScatterSeries {
  name: string;
  x: Numbers;
  y: Numbers;
  /** A text beside each point, set where it covers no other point or text if there is such a place. */
  labels?: readonly string[];
  /** Standard deviation of each x, drawn as an error bar. */
  xStd?: Numbers;
  /** Standard deviation of each y, drawn as an error bar. */
  yStd?: Numbers;
  /** Joins the points in their order. */
  connected?: boolean;
  /** Which of the theme's colours, from 0; default: by the series' place. */
  color?: number;
}

export interface ScatterFigureOptions extends FigureSize {
  title: string;
  x: AxisOptions;
  y: AxisOptions;
  series: readonly ScatterSeries[];
}

/**
 * Points by two measures, such as time against memory; each series has a colour and a mark of its own. A point with a
 * coordinate that is not finite, or not positive on a logarithmic axis, is left out.
 *
 * @throws RangeError if the parts of a series differ in length, or a range does not fit its scale
 */
export function scatterFigure(options: ScatterFigureOptions): Figure {
  const { title, x: xAxis, y: yAxis, series } = options;
  checkRange('scatterFigure: x', xAxis);
  checkRange('scatterFigure: y', yAxis);
  const data = series.map((points, index): Trace => {
    const where = `scatterFigure: series '${points.name}'`;
    checkLength(`${where}: x`, points.y.length, points.x, 'y');
    if (points.xStd) checkLength(`${where}: xStd`, points.y.length, points.xStd, 'y');
    if (points.yStd) checkLength(`${where}: yStd`, points.y.length, points.yStd, 'y');
    if (points.labels && points.labels.length !== points.y.length) {
      throw new RangeError(`${where}: got ${points.labels.length} labels for ${points.y.length} points`);
    }
    const { color } = seriesStyle(points.color ?? index);
    return {
      type: 'scatter',
      mode: `${points.connected ? 'lines+' : ''}markers${points.labels ? '+text' : ''}`,
      name: legendText(points.name),
      x: withGaps(points.x, xAxis.log),
      y: withGaps(points.y, yAxis.log),
      marker: { color, size: 9, symbol: symbols[index % symbols.length] },
      line: { color, width: 1.5 },
      ...(points.xStd && { error_x: errorBars(points.xStd, color) }),
      ...(points.yStd && { error_y: errorBars(points.yStd, color) }),
      ...(points.labels && {
        text: points.labels.map(plainText),
        textfont: { color: textColor, size: 11 },
        hovertemplate:
          '<b>%{text}</b><br>%{xaxis.title.text}: %{x}<br>%{yaxis.title.text}: %{y}<extra></extra>',
      }),
    };
  });
  const x = withRoom(
    xAxis,
    series.flatMap(({ x, xStd }) => ends(x, xStd)),
  );
  const y = withRoom(
    yAxis,
    series.flatMap(({ y, yStd }) => ends(y, yStd)),
  );
  const figure: Figure = {
    data,
    ...themed(title, options, series.length > 1, {
      xaxis: axisLayout(x, x.range),
      yaxis: axisLayout(y, y.range),
    }),
  };
  placeLabels(figure);
  return figure;
}

function errorBars(std: Numbers, color: string): Trace['error_y'] {
  return { type: 'data', array: withGaps(std), color, thickness: 1.5, width: 4 };
}

/** The values, and where their error bars end. */
function ends(values: Numbers, std?: Numbers): number[] {
  return Array.from(values).flatMap((value, i) => (std ? [value, value - std[i], value + std[i]] : [value]));
}

/** The axis with its range, if it has none: that of the data, with room for marks and labels around it. */
function withRoom(axis: AxisOptions, data: Numbers): AxisOptions & { range: [number, number] } {
  if (axis.range) return { ...axis, range: axis.range };
  const shown = withGaps(data, axis.log)
    .filter((value) => value !== null)
    .map((value) => (axis.log ? Math.log10(value) : value));
  if (shown.length === 0) return { ...axis, range: axis.log ? [1, 10] : [0, 1] };
  let [from, to] = [shown[0], shown[0]];
  for (const value of shown) {
    from = Math.min(from, value);
    to = Math.max(to, value);
  }
  const room = (to - from || Math.abs(from) || 1) * 0.12;
  const back = (value: number): number => (axis.log ? 10 ** value : value);
  return { ...axis, range: [back(from - room), back(to + room)] };
}
