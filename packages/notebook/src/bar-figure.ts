import type { AxisOptions, Figure, FigureSize, Trace } from './figure.js';
import { axisLayout, legendText, plainText, seriesStyle, textColor, themed, translucent } from './theme.js';
import { checkLength, checkRange, type Gappy, type Numbers, withGaps } from './values.js';

/** One bar in each category. */
export interface BarSeries {
  name: string;
  values: Numbers;
  /** Standard deviation of each value, drawn as an error bar. */
  std?: Numbers;
  /** Which of the theme's colours, from 0; default: by the series' place. */
  color?: number;
}

export interface BarFigureOptions extends FigureSize {
  title: string;
  /** The x axis: what the categories are. */
  x: { title: string };
  y: AxisOptions;
  categories: readonly string[];
  series: readonly BarSeries[];
  /** Writes each value at its bar with so many digits behind the point. */
  labelDigits?: number;
}

/**
 * Bars in groups: one group for each category, in it one bar for each series. Values that are not finite have no bar.
 *
 * @throws RangeError if values or std of a series do not fit the categories, or a range does not fit its scale
 */
export function barFigure(options: BarFigureOptions): Figure {
  const { title, x, y, categories, series, labelDigits } = options;
  checkRange('barFigure: y', y);
  const data = series.map((bars, index): Trace => {
    const where = `barFigure: series '${bars.name}'`;
    checkLength(`${where}: values`, categories.length, bars.values, 'categories');
    if (bars.std) checkLength(`${where}: std`, categories.length, bars.std, 'categories');
    const { color } = seriesStyle(bars.color ?? index);
    return {
      type: 'bar',
      name: legendText(bars.name),
      x: categories.map(plainText),
      y: withGaps(bars.values, y.log),
      // In a full bar half of its error bar would not be seen.
      marker: bars.std ? { color: translucent(color, 0.25), line: { color, width: 1.5 } } : { color },
      ...(bars.std && {
        error_y: { type: 'data', array: withGaps(bars.std), color, thickness: 1.5, width: 4 },
      }),
      ...(labelDigits !== undefined && {
        texttemplate: `%{y:.${labelDigits}f}`,
        // At the bar's end the label would stand in its error bar.
        textposition: bars.std ? 'inside' : 'outside',
        insidetextanchor: 'middle',
        ...(bars.std && { insidetextfont: { color: textColor } }),
        textangle: 0,
        cliponaxis: false,
      }),
    };
  });
  const { title: xTitle } = axisLayout({ title: x.title });
  return {
    data,
    ...themed(title, options, series.length > 1, {
      barmode: 'group',
      bargap: 0.3,
      bargroupgap: 0.08,
      xaxis: {
        ...axisLayout({ title: x.title }),
        title: xTitle,
        type: 'category',
        showgrid: false,
        ticks: '',
      },
      yaxis: axisLayout(
        y,
        data.flatMap((bars) => bars.y as Gappy),
      ),
    }),
  };
}
