import type { AxisOptions, Figure, Json } from './figure.js';
import type { Gappy } from './values.js';

/**
 * Series colours: those of Okabe and Ito's palette, which people with any colour vision tell apart, that stand out by
 * at least 3:1 from a white page as well as from a dark one.
 */
export const seriesColors: readonly string[] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'];

/** Line styles, taken in turn once the colours are used up. */
export const dashes: readonly Dash[] = ['solid', 'dash', 'dot'];

/** A line style of Plotly. */
export type Dash = 'solid' | 'dash' | 'dot';

/** A grey that can be read on a white page and on a dark one: figures have no background of their own. */
export const textColor = '#757575';

/** The font that figures are measured with, and what a browser takes in its place. */
const fontFamily = 'DejaVu Sans, Verdana, Arial, sans-serif';
const gridColor = 'rgba(128, 128, 128, 0.25)';
const lineColor = 'rgba(128, 128, 128, 0.7)';

/** Colour and dash of the n-th series. */
export function seriesStyle(index: number): { color: string; dash: Dash } {
  return {
    color: seriesColors[index % seriesColors.length],
    dash: dashes[Math.floor(index / seriesColors.length) % dashes.length],
  };
}

/** A colour of {@link seriesColors} as a translucent one. */
export function translucent(color: string, opacity: number): string {
  const [red, green, blue] = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
  return `rgba(${red}, ${green}, ${blue}, ${opacity})`;
}

/** Plotly reads text as HTML; ours is text. */
export function plainText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** A series' name in lines of about 28 characters, so that the legend leaves the plot its room. */
export function legendText(name: string): string {
  const lines = [''];
  for (const word of name.split(' ')) {
    const longer = lines.at(-1) === '' ? word : `${lines.at(-1)} ${word}`;
    if (longer.length <= 28 || lines.at(-1) === '') lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines.map(plainText).join('<br>');
}

/** Plotly's layout of an axis, for what it shows of `data` (finite, and positive on a logarithmic axis, or gaps). */
export function axisLayout(axis: AxisOptions, data: Gappy = []): { [key: string]: Json } {
  const title = axis.unit === undefined ? axis.title : `${axis.title} (${axis.unit})`;
  return {
    title: { text: plainText(title), standoff: 12 },
    type: axis.log ? 'log' : 'linear',
    ...(axis.range && { range: axis.range.map((end) => (axis.log ? Math.log10(end) : end)) }),
    automargin: true,
    gridcolor: gridColor,
    linecolor: lineColor,
    showline: true,
    zeroline: false,
    ticks: 'outside',
    ticklen: 4,
    tickcolor: lineColor,
    // 10⁻³, not 1e-3 or 1m.
    exponentformat: 'power',
    ...(axis.log && logTicks(axis.range ?? extent(data))),
  };
}

/** Over more than a decade and a half, Plotly's own choice of ticks is too crowded to read. */
function logTicks([from, to]: [number, number]): { [key: string]: Json } {
  const decades = Math.abs(Math.log10(to / from));
  return decades > 1.5 ? { dtick: Math.ceil(decades / 8) } : {};
}

function extent(data: Gappy): [number, number] {
  let [from, to] = [Number.POSITIVE_INFINITY, 0];
  for (const value of data) {
    if (value === null) continue;
    from = Math.min(from, value);
    to = Math.max(to, value);
  }
  return from <= to ? [from, to] : [1, 1];
}

/** Layout and configuration that all figures share. */
export function themed(
  title: string,
  size: { width?: number; height?: number },
  showLegend: boolean,
  layout: { [key: string]: Json },
): Pick<Figure, 'layout' | 'config'> {
  return {
    layout: {
      width: size.width ?? 720,
      height: size.height ?? 420,
      title: {
        text: plainText(title),
        x: 0,
        xref: 'paper',
        xanchor: 'left',
        y: 1,
        yanchor: 'top',
        pad: { t: 16 },
        font: { size: 15 },
      },
      font: { family: fontFamily, size: 12, color: textColor },
      paper_bgcolor: 'rgba(0, 0, 0, 0)',
      plot_bgcolor: 'rgba(0, 0, 0, 0)',
      margin: { l: 56, r: 16, t: 52, b: 48 },
      showlegend: showLegend,
      legend: {
        x: 1.02,
        xanchor: 'left',
        y: 1,
        yanchor: 'top',
        tracegroupgap: 0,
        bgcolor: 'rgba(0, 0, 0, 0)',
      },
      hovermode: 'closest',
      ...layout,
    },
    config: { displaylogo: false },
  };
}
