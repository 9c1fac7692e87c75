import type { Figure, FigureSize, Json, Trace } from './figure.js';
import { inLines, themed } from './theme.js';

export interface GridFigureOptions extends FigureSize {
  title: string;
  /** One figure for each place, row by row; its title stands above it. */
  panels: readonly Figure[];
  /** Default: as many as there are panels, up to three; two for four panels. */
  columns?: number;
}

type Layout = { [key: string]: Json };

/** In pixels: between panels, for the tick labels and titles that stand between them, and for a panel's title. */
const GAP = 24;
const [TICKS_X, TICKS_Y, AXIS_TITLE, PANEL_TITLE] = [18, 36, 24, 26];

/** About as wide as a letter of an axis's title. */
const CHARACTER = 8;

/**
 * Small multiples: figures of one kind side by side, to be compared. Axes that have one title in all panels are shared:
 * they have one range, and numbers only at the left and below. Series of one name have one entry in the legend, and heat
 * maps have one scale of colours.
 *
 * @throws RangeError without panels, for panels with different scales of colours, or with both a legend and colours
 */
export function gridFigure(options: GridFigureOptions): Figure {
  const { title, panels } = options;
  if (panels.length === 0) throw new RangeError('gridFigure: got no panels, needs at least one');
  const columns = options.columns ?? (panels.length === 4 ? 2 : Math.min(3, panels.length));
  if (!Number.isInteger(columns) || columns < 1) {
    throw new RangeError(`gridFigure: columns ${columns} needs a whole number from 1 on`);
  }
  const rows = Math.ceil(panels.length / columns);
  const shared = { x: isShared(panels, 'xaxis'), y: isShared(panels, 'yaxis') };
  const names = [...new Set(panels.flatMap(legendNames))];
  const colors = colorAxis(panels);
  if (colors && names.length > 1) {
    throw new RangeError(
      'gridFigure: panels with a legend and panels with a scale of colours need two figures',
    );
  }
  const size = {
    // At most what a notebook has room for beside JupyterLab's side bar on a small screen.
    width: options.width ?? Math.min(900, 120 + 300 * columns),
    height: options.height ?? 100 + 250 * rows,
  };
  const framed = themed(title, size, names.length > 1, {});
  const margin = framed.layout.margin as Record<string, number>;
  const inner = {
    width: size.width - margin.l - margin.r - (colors ? 70 : names.length > 1 ? 150 : 0),
    height: size.height - margin.t - margin.b - PANEL_TITLE,
  };
  const place = {
    x: domains(columns, (GAP + (shared.y ? 0 : TICKS_Y + AXIS_TITLE)) / inner.width),
    y: domains(rows, (GAP + PANEL_TITLE + (shared.x ? 0 : TICKS_X + AXIS_TITLE)) / inner.height),
  };
  const layout: Layout = {};
  const annotations: Json[] = [];
  const inLegend = new Set<string>();
  const data = panels.flatMap((panel, index) => {
    const [row, column] = [Math.floor(index / columns), index % columns];
    const id = index === 0 ? '' : String(index + 1);
    const domain = { x: place.x[column], y: place.y[rows - 1 - row] };
    const axes = {
      x: panelAxis(panels, index, 'x', domain.x, shared.x, index + columns >= panels.length),
      y: panelAxis(panels, index, 'y', domain.y, shared.y, column === 0),
    };
    layout[`xaxis${id}`] = withTitle(axes.x, (domain.x[1] - domain.x[0]) * inner.width);
    layout[`yaxis${id}`] = withTitle(axes.y, (domain.y[1] - domain.y[0]) * inner.height);
    for (const key of ['barmode', 'bargap', 'bargroupgap']) {
      if (panel.layout[key] !== undefined) layout[key] = panel.layout[key];
    }
    annotations.push(panelTitle(panel, domain.x[0], domain.y[1]));
    return panel.data.map((trace) => panelTrace(trace, id, groupOf(panel, trace), inLegend));
  });
  return {
    data,
    layout: {
      ...framed.layout,
      ...layout,
      margin: { ...margin, t: margin.t + PANEL_TITLE },
      annotations,
      ...(colors && { coloraxis: colors }),
    },
    config: framed.config,
  };
}

/** So many parts of [0, 1] with gaps between them. */
function domains(count: number, gap: number): [number, number][] {
  const part = (1 - gap * (count - 1)) / count;
  if (part <= 0.05) {
    throw new RangeError(`gridFigure: ${count} panels side by side have no room; make the figure larger`);
  }
  const round = (value: number): number => Math.round(value * 1e4) / 1e4;
  return Array.from({ length: count }, (_, i) => [round(i * (part + gap)), round(i * (part + gap) + part)]);
}

/** Whether all panels have the same axis: its title, its scale and, where it is fixed, its range. */
function isShared(panels: readonly Figure[], key: 'xaxis' | 'yaxis'): boolean {
  const same = (panel: Figure): string => {
    const { title, type, range } = panel.layout[key] as Layout;
    return JSON.stringify([title, type, range ?? null]);
  };
  return new Set(panels.map(same)).size === 1;
}

function panelAxis(
  panels: readonly Figure[],
  index: number,
  direction: 'x' | 'y',
  domain: [number, number],
  shared: boolean,
  outer: boolean,
): Layout {
  const key = `${direction}axis`;
  const id = index === 0 ? '' : String(index + 1);
  const { title, scaleanchor, ...axis } = panels[index].layout[key] as Layout;
  return {
    ...axis,
    ...(shared && commonTicks(panels.map(({ layout }) => layout[key] as Layout))),
    domain,
    anchor: `${direction === 'x' ? 'y' : 'x'}${id}`,
    ...(scaleanchor !== undefined && { scaleanchor: `x${id}` }),
    ...(shared && id !== '' && axis.range === undefined && { matches: direction }),
    ...(!shared || outer ? { title } : { title: { text: '' }, showticklabels: false }),
  };
}

/** Ticks of a shared logarithmic axis, which each panel chose by its own data: those of all. */
function commonTicks(axes: readonly Layout[]): Layout {
  if (axes[0].type !== 'log') return {};
  const decades = axes.map(({ dtick }) => dtick).filter((dtick) => typeof dtick === 'number');
  if (decades.length > 0)
    return { tickmode: 'linear', dtick: Math.max(...decades), tickvals: null, ticktext: null };
  const texts = new Map(
    axes.flatMap(({ tickvals, ticktext }) =>
      (tickvals as number[]).map((value, i) => [value, (ticktext as string[])[i]] as const),
    ),
  );
  const tickvals = [...texts.keys()].sort((a, b) => a - b);
  return { tickvals, ticktext: tickvals.map((value) => texts.get(value)!) };
}

/** The axis with its title in lines that are no longer than the panel, which is so many pixels long. */
function withTitle(axis: Layout, length: number): Layout {
  const { text, ...title } = axis.title as { text: string } & Layout;
  return { ...axis, title: { ...title, text: inLines(text, length / CHARACTER).join('<br>') } };
}

function panelTitle(panel: Figure, x: number, y: number): Json {
  return {
    text: (panel.layout.title as { text: string }).text,
    x,
    y,
    xref: 'paper',
    yref: 'paper',
    xanchor: 'left',
    yanchor: 'bottom',
    showarrow: false,
    font: { size: 12.5 },
  };
}

function legendNames({ data }: Figure): string[] {
  return data
    .filter(({ type, showlegend }) => type !== 'heatmap' && showlegend !== false)
    .map(({ name }) => String(name));
}

/** What one entry of the legend switches: a line and its band go by the line's name. */
function groupOf({ data }: Figure, trace: Trace): string {
  const { legendgroup } = trace;
  const line =
    legendgroup !== undefined &&
    data.find((other) => other.legendgroup === legendgroup && other.showlegend !== false);
  return String((line || trace).name);
}

/** The trace in its panel; of those with one name, the first is in the legend, and switches them all. */
function panelTrace(trace: Trace, id: string, group: string, inLegend: Set<string>): Trace {
  const axes = { xaxis: `x${id}`, yaxis: `y${id}` };
  if (trace.type === 'heatmap') {
    const { zmin, zmax, colorscale, colorbar, ...rest } = trace;
    return { ...rest, type: 'heatmap', ...axes, coloraxis: 'coloraxis' };
  }
  const hidden = trace.showlegend === false || inLegend.has(group);
  if (!hidden) inLegend.add(group);
  return { ...trace, ...axes, legendgroup: group, ...(hidden && { showlegend: false }) };
}

/** The scale of colours that all heat maps share, over all of their values. */
function colorAxis(panels: readonly Figure[]): Layout | undefined {
  const maps = panels.flatMap(({ data }) => data.filter(({ type }) => type === 'heatmap'));
  if (maps.length === 0) return undefined;
  const [first] = maps;
  const kind = ({ colorscale, colorbar }: Trace): string =>
    JSON.stringify([colorscale, (colorbar as Layout).title]);
  const other = maps.find((map) => kind(map) !== kind(first));
  if (other) {
    throw new RangeError(
      'gridFigure: heat maps side by side share one scale of colours, and these differ in its title or kind',
    );
  }
  return {
    cmin: Math.min(...maps.map(({ zmin }) => zmin as number)),
    cmax: Math.max(...maps.map(({ zmax }) => zmax as number)),
    colorscale: first.colorscale,
    colorbar: first.colorbar,
  };
}
