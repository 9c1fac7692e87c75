/** Places of the texts beside points, so that they can be read. */
import type { Figure } from './figure.js';
import { textWidth } from './render/fonts.js';
import type { Gappy } from './values.js';

interface Box {
  left: number;
  top: number;
  right: number;
  bottom: number;
}

/** Plotly's places of a text, the best first. */
const PLACES = [
  'middle right',
  'top center',
  'bottom center',
  'middle left',
  'top right',
  'bottom right',
  'top left',
  'bottom left',
] as const;

/** A label's font size, and its height with what hangs below the line. */
const [SIZE, HEIGHT] = [11, 14];
/** From a point's centre to the text beside it, and half its mark, in pixels. */
const [GAP, MARK] = [8, 5];
/** Half the width of what is kept free around a line. */
const LINE = 2;

/**
 * Chooses the place of each label of a figure of points: going from left to right, the first where it covers no point, no
 * line and no label that has its place already and lies inside the plot, or else the one where it covers least.
 */
export function placeLabels(figure: Figure): void {
  const toPixel = pixels(figure);
  const points = figure.data.flatMap((trace, series) =>
    (trace.x as Gappy).flatMap((x, index) => {
      const y = (trace.y as Gappy)[index];
      if (x === null || y === null) return [];
      const text = (trace.text as string[] | undefined)?.[index];
      return [{ series, index, text, ...toPixel(x, y) }];
    }),
  );
  const taken: Box[] = [
    ...points.map(({ left, top }) => around(left, top, MARK)),
    ...figure.data.flatMap((_, series) => alongLines(figure, series, points)),
  ];
  const plot = toPixel.area;
  const places = figure.data.map((trace): string[] | undefined =>
    trace.text ? (trace.x as Gappy).map(() => PLACES[0]) : undefined,
  );
  for (const { series, index, text, left, top } of [...points].sort((a, b) => a.left - b.left)) {
    if (text === undefined) continue;
    const width = textWidth(text, { size: SIZE, bold: false, italic: false });
    let best: { place: string; box: Box; cost: number } | undefined;
    for (const place of PLACES) {
      const box = labelBox(place, left, top, width);
      const outside = area(box) - common(box, plot);
      const cost = taken.reduce((sum, other) => sum + common(box, other), 2 * outside);
      if (!best || cost < best.cost) best = { place, box, cost };
    }
    places[series]![index] = best!.place;
    taken.push(best!.box);
  }
  figure.data.forEach((trace, series) => {
    if (places[series]) trace.textposition = places[series];
  });
}

/** Small boxes along the lines that join a series' points, where it has such. */
function alongLines(
  { data }: Figure,
  series: number,
  points: readonly { series: number; index: number; left: number; top: number }[],
): Box[] {
  if (!String(data[series].mode).includes('lines')) return [];
  const joined = points.filter((point) => point.series === series);
  return joined.slice(1).flatMap((to, i) => {
    const from = joined[i];
    // Past a gap the line begins anew.
    if (to.index !== from.index + 1) return [];
    const steps = Math.ceil(Math.hypot(to.left - from.left, to.top - from.top) / (2 * LINE));
    return Array.from({ length: steps }, (_, step) => {
      const share = (step + 0.5) / steps;
      const at = (a: number, b: number): number => a + share * (b - a);
      return around(at(from.left, to.left), at(from.top, to.top), LINE);
    });
  });
}

function labelBox(place: string, x: number, y: number, width: number): Box {
  const [vertical, horizontal] = place.split(' ');
  const left = horizontal === 'right' ? x + GAP : horizontal === 'left' ? x - GAP - width : x - width / 2;
  const top = vertical === 'top' ? y - GAP - HEIGHT : vertical === 'bottom' ? y + GAP : y - HEIGHT / 2;
  return { left, top, right: left + width, bottom: top + HEIGHT };
}

/** From data to about where Plotly draws them, before it moves margins for long tick labels. */
function pixels({ layout, data }: Figure) {
  const { width, height } = layout;
  const margin = layout.margin as Record<'l' | 'r' | 't' | 'b', number>;
  const names = layout.showlegend ? data.map((trace) => String(trace.name)) : [];
  const widest = Math.max(0, ...names.flatMap((name) => name.split('<br>')).map(legendWidth));
  const plot: Box = {
    left: margin.l,
    top: margin.t,
    right: width - margin.r - (names.length > 0 ? widest + 60 : 0),
    bottom: height - margin.b,
  };
  const scale = (key: 'xaxis' | 'yaxis', from: number, to: number) => {
    const { range, type } = layout[key] as { range: [number, number]; type: string };
    return (value: number): number => {
      const at = type === 'log' ? Math.log10(value) : value;
      return from + ((at - range[0]) / (range[1] - range[0])) * (to - from);
    };
  };
  const x = scale('xaxis', plot.left, plot.right);
  const y = scale('yaxis', plot.bottom, plot.top);
  return Object.assign((dataX: number, dataY: number) => ({ left: x(dataX), top: y(dataY) }), { area: plot });
}

function legendWidth(text: string): number {
  return textWidth(text, { size: 12, bold: false, italic: false });
}

function around(x: number, y: number, radius: number): Box {
  return { left: x - radius, top: y - radius, right: x + radius, bottom: y + radius };
}

function area({ left, top, right, bottom }: Box): number {
  return (right - left) * (bottom - top);
}

/** The area that both cover. */
function common(a: Box, b: Box): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}
