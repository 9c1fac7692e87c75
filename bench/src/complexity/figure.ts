import { type Figure, type Json, lineFigure, type Trace } from '@primal-attention/notebook';
import type { ComplexityLine, Quantity } from './line.js';

/** In each panel, for comparison. */
const references = ['softmax', 'primal'];

/** The other lines, by what they have in common: a column each. */
const families: readonly { title: string; mechanisms: readonly string[] }[] = [
  { title: 'All pairs, or neighbours', mechanisms: ['fused-softmax', 'yoso', 'reformer', 'longformer'] },
  { title: 'Fewer keys', mechanisms: ['linformer', 'nystromformer', 'soft'] },
  { title: 'Feature maps', mechanisms: ['linear', 'cosine', 'cosformer', 'performer', 'flowformer'] },
  {
    title: 'Causal',
    mechanisms: ['linear-causal', 'cosformer-causal', 'flowformer-causal', 'causal-primal'],
  },
];

const axes: Record<Quantity, { title: string; factor: number }> = {
  flops: { title: 'MFLOPs per token', factor: 1e-6 },
  bytes: { title: 'KiB per token', factor: 2 ** -10 },
};

/**
 * Operations and memory of a step, forward and backward, over N, both logarithmic: a row for each quantity, a column for each
 * family. Both are divided by N, so that what grows with N is a level line, and lines that would lie on each other are apart.
 */
export function complexityFigure(lines: readonly ComplexityLine[]): Figure {
  const columns = families
    .map(({ title, mechanisms }) => ({ title, lines: pick(lines, [...references, ...mechanisms]) }))
    .filter(({ lines }) => lines.some(({ mechanism }) => !references.includes(mechanism)));
  const range = (quantity: Quantity): [number, number] => {
    const values = lines.flatMap((line) => perToken(line, quantity));
    return [Math.min(...values) / 1.2, Math.max(...values) * 1.2];
  };
  const panels = (['flops', 'bytes'] as const).flatMap((quantity, row) =>
    columns.map(({ title, lines }, column) => ({
      row,
      column,
      title: row === 0 ? title : '',
      figure: panel(lines, quantity, range(quantity)),
    })),
  );
  return arrange(panels, columns.length);
}

function perToken({ lengths, ...line }: ComplexityLine, quantity: Quantity): number[] {
  return line[quantity].step.map((value, i) => (value * axes[quantity].factor) / lengths[i]);
}

function pick(lines: readonly ComplexityLine[], names: readonly string[]): ComplexityLine[] {
  return names.flatMap((name) => lines.filter(({ mechanism }) => mechanism === name));
}

function panel(lines: readonly ComplexityLine[], quantity: Quantity, range: [number, number]): Figure {
  const { title } = axes[quantity];
  const others = lines.map(({ mechanism }) => mechanism).filter((name) => !references.includes(name));
  return lineFigure({
    title: 'One attention layer, forward and backward',
    // A margin, so that labels at the ends stay clear of the next panel's.
    x: { title: 'N', log: true, range: [190, 22000] },
    y: { title, log: true, range },
    series: lines.map((line) => ({
      name: line.mechanism,
      x: line.lengths,
      y: perToken(line, quantity),
      ...style(line.mechanism, others.indexOf(line.mechanism)),
    })),
  });
}

/** References look the same in all panels; the theme's first colour is theirs alone. */
function style(mechanism: string, place: number): { color: number; dash: 'solid' | 'dash' | 'dot' } {
  if (references.includes(mechanism)) return { color: 0, dash: mechanism === 'softmax' ? 'dash' : 'solid' };
  return { color: 1 + (place % 3), dash: place < 3 ? 'solid' : 'dot' };
}

/** Figures of one panel each, in rows and columns under common axes; a legend under each column. */
function arrange(panels: readonly Panel[], columns: number): Figure {
  const [first] = panels;
  const rows = 2;
  const gap = { x: 0.03, y: 0.07 };
  const size = { x: (1 - gap.x * (columns - 1)) / columns, y: (1 - gap.y * (rows - 1)) / rows };
  const data: Trace[] = [];
  const layout: { [key: string]: Json } = {};
  const annotations: Json[] = [];
  for (const { row, column, title, figure } of panels) {
    const number = row * columns + column + 1;
    const suffix = number === 1 ? '' : String(number);
    const legend = `legend${column === 0 ? '' : column + 1}`;
    for (const trace of figure.data) {
      const { mode: _, marker: __, ...rest } = trace;
      data.push({
        ...rest,
        ...{ mode: 'lines', xaxis: `x${suffix}`, yaxis: `y${suffix}`, legend, showlegend: row === 0 },
      } as Trace);
    }
    const left = column * (size.x + gap.x);
    const bottom = (rows - 1 - row) * (size.y + gap.y);
    const { xaxis, yaxis } = figure.layout as Record<string, { [key: string]: Json }>;
    layout[`xaxis${suffix}`] = {
      ...xaxis,
      ...{ domain: [left, left + size.x], anchor: `y${suffix}`, automargin: false },
      ...ticksAt([256, 1024, 4096, 16384]),
      showticklabels: row === rows - 1,
      ...(row < rows - 1 && { title: { text: '' } }),
    };
    layout[`yaxis${suffix}`] = {
      ...yaxis,
      ...{ domain: [bottom, bottom + size.y], anchor: `x${suffix}`, automargin: false },
      ...ticksAt([0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000]),
      showticklabels: column === 0,
      ...(column > 0 && { title: { text: '' } }),
    };
    if (row > 0) continue;
    annotations.push({
      ...{ text: title, showarrow: false, xref: 'paper', yref: 'paper', font: { size: 13 } },
      ...{ x: left, xanchor: 'left', y: 1, yanchor: 'bottom' },
    });
    layout[legend] = {
      ...{ x: left, xanchor: 'left', y: -0.12, yanchor: 'top' },
      ...{ bgcolor: 'rgba(0, 0, 0, 0)', tracegroupgap: 0 },
    };
  }
  const { layout: theme, config } = first.figure;
  const { legend: _, xaxis: __, yaxis: ___, ...common } = theme;
  return {
    data,
    layout: {
      ...common,
      ...layout,
      ...{ width: 1100, height: 796, showlegend: true, annotations },
      margin: { l: 64, r: 16, t: 76, b: 190 },
    } as Figure['layout'],
    config,
  };
}

function ticksAt(values: readonly number[]): { [key: string]: Json } {
  return { tickmode: 'array', tickvals: [...values], ticktext: values.map(String) };
}

interface Panel {
  readonly row: number;
  readonly column: number;
  /** Above the panel. */
  readonly title: string;
  readonly figure: Figure;
}
