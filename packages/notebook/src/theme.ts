import type { AxisOptions, Figure, Json } from './figure.js';
import type { Gappy } from './values.js';

/**
 * Series colours: those of Okabe and Ito's palette, which people with any colour vision tell apart, that stand out by
 * at least 3:1 from a white page as well as from a dark one.
 */
export const seriesColors: readonly string[] = ['#0072b2', '#d55e00', '#009e73', '#cc79a7'];

/** Line styles, taken in turn once the colours are used up. */
export const dashes: readonly Dash[] = ['solid', 'dash', 'dot'];

/** Marks of points, taken in turn: series differ in them as well as in colour. */
export const symbols: readonly string[] = ['circle', 'square', 'diamond', 'triangle-up', 'cross', 'x'];

/** A line style of Plotly. */
export type Dash = 'solid' | 'dash' | 'dot';

/** A grey that can be read on a white page and on a dark one: figures have no background of their own. */
export const textColor = '#757575';

/** The font that figures are measured with, and what a browser takes in its place. */
const fontFamily = 'DejaVu Sans, Verdana, Arial, sans-serif';
const gridColor = 'rgba(128, 128, 128, 0.25)';

/** Axes and their ticks. */
export const lineColor = 'rgba(128, 128, 128, 0.7)';

/**
 * Scales of heat maps: Cividis, which looks alike with any colour vision, and for differences the first two of
 * {@link seriesColors}, which meet in a light grey.
 */
export const colorScales: Record<'sequential' | 'diverging', Json> = {
  sequential: 'Cividis',
  diverging: [
    [0, '#0072b2'],
    [0.5, '#f0f0f0'],
    [1, '#d55e00'],
  ],
};

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

/** `Time (ms)`. */
export function withUnit(title: string, unit?: string): string {
  return unit === undefined ? title : `${title} (${unit})`;
}

/** A series' name in lines of about 28 characters, so that the legend leaves the plot its room. */
export function legendText(name: string): string {
  return inLines(name, 28).map(plainText).join('<br>');
}

/** A text in lines of about so many characters. */
export function inLines(text: string, characters: number): string[] {
  const lines = [''];
  for (const word of text.split(' ')) {
    const longer = lines.at(-1) === '' ? word : `${lines.at(-1)} ${word}`;
    if (longer.length <= characters || lines.at(-1) === '') lines[lines.length - 1] = longer;
    else lines.push(word);
  }
  return lines;
}

/** Plotly's layout of an axis, for what it shows of `data` (finite, and positive on a logarithmic axis, or gaps). */
export function axisLayout(axis: AxisOptions, data: Gappy = []): { [key: string]: Json } {
  return {
    title: { text: plainText(withUnit(axis.title, axis.unit)), standoff: 12 },
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

/**
 * Ticks of a logarithmic axis. Up to three decades: 1, 2 and 5 of each, written out, since Plotly's own are either digits
 * without their power or too few. Over more: whole decades.
 */
function logTicks([from, to]: [number, number]): { [key: string]: Json } {
  const [low, high] = [Math.log10(Math.min(from, to)), Math.log10(Math.max(from, to))];
  if (high - low > 3) return { dtick: Math.ceil((high - low) / 8) };
  const values: number[] = [];
  // Some beyond the ends, where the axis has room for them.
  for (let decade = Math.floor(low) - 1; decade <= Math.ceil(high); decade++) {
    for (const digit of [1, 2, 5]) values.push(Number(`${digit}e${decade}`));
  }
  return { tickmode: 'array', tickvals: values, ticktext: values.map(tickText) };
}

/** `0.05`, `2,000`; 1, 2 or 5 times a power of ten where that would be long. */
function tickText(value: number): string {
  if (value >= 1e-3 && value < 1e6) return value.toLocaleString('en-US', { maximumFractionDigits: 3 });
  const [digit, power] = value.toExponential(0).split('e');
  const ten = `10<sup>${Number(power)}</sup>`.replace('-', '−');
  return digit === '1' ? ten : `${digit}·${ten}`;
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
      // Names as a whole; and buttons that have no box of their own, which on a white page would be a dark one.
      hoverlabel: { namelength: -1 },
      modebar: { bgcolor: 'rgba(0, 0, 0, 0)', color: lineColor, activecolor: textColor },
      ...layout,
    },
    config: { displaylogo: false },
  };
}
