import { cardOf } from '@primal-attention/experiment';
import { type Figure, gridFigure, type Json, lineFigure } from '@primal-attention/notebook';
import { hasTimes, type Line, type ResultLine } from '../lra-step/result-line.js';
import { mechanisms } from '../lra-step/settings.js';

const quantities = [
  { title: 'Time of a step', unit: 'ms', of: ({ msPerStep }: ResultLine) => msPerStep },
  {
    title: 'Peak memory',
    unit: 'GiB',
    of: ({ peakBytes }: ResultLine) => (peakBytes === null ? Number.NaN : peakBytes / 2 ** 30),
  },
] as const;

const mechanismNames = { primal: 'Primal', softmax: 'softmax' } as const;

/**
 * Time and memory of a training step against N at a constant number of tokens, logarithmic where they span more than a decade: what
 * grows with the tokens alone is a level line. A colour for each mechanism, solid with kernels and dashed without; peers are dotted.
 *
 * @throws Error when the lines are of several precisions or numbers of tokens, or none has times
 */
export function lengthsFigure(lines: readonly Line[]): Figure {
  const timed = lines.filter(hasTimes).sort((a, b) => a.length - b.length);
  if (timed.length === 0) throw new Error('lengthsFigure: no line has times, so there is nothing to draw');
  const kinds = [
    ...new Set(timed.map(({ length, batch, precision }) => `${length * batch} tokens, ${precision}`)),
  ];
  if (kinds.length > 1) {
    throw new Error(`lengthsFigure: the lines must be of one kind, got ${kinds.join(' and ')}`);
  }
  const [{ length, batch, precision, device }] = timed;
  const names = [...new Set(timed.map(seriesName))].sort((a, b) => placeOf(a, timed) - placeOf(b, timed));
  const lengths = [...new Set(timed.map((line) => line.length))];
  const panels = quantities.map(({ title, unit, of }) => {
    const series = names.map((name) => {
      const mine = timed.filter((line) => seriesName(line) === name);
      return { name, ...styleOf(mine[0]), x: mine.map((line) => line.length), y: mine.map(of) };
    });
    const values = series.flatMap(({ y }) => y).filter((value) => !Number.isNaN(value));
    const [least, most] = [Math.min(...values), Math.max(...values)];
    // A logarithmic axis of less than a decade would have one number or two beside it.
    const scale = most > 10 * least ? { log: true } : { range: [0, 1.05 * most] as [number, number] };
    const figure = lineFigure({
      title,
      // A margin, so that the first and the last N stand inside the panel.
      x: { title: 'N', log: true, range: [lengths[0] / 1.25, lengths.at(-1)! * 1.25] },
      y: { title: `${title} (${unit})`, ...scale },
      series,
    });
    const xaxis = figure.layout.xaxis as { [key: string]: Json };
    const ticks = { tickmode: 'array', tickvals: lengths, ticktext: lengths.map(thousands) };
    return { ...figure, layout: { ...figure.layout, xaxis: { ...xaxis, ...ticks } } };
  });
  const card = cardOf(String(device));
  return gridFigure({
    title: `A training step of ${(length * batch).toLocaleString('en-US')} tokens, ${precision}, ${card}`,
    panels,
    columns: 2,
    width: 980,
    height: 420,
  });
}

function seriesName({ backend, kernels, mechanism }: Line): string {
  const program = backend === 'xla' ? '' : ` (${backend})`;
  return `${mechanismNames[mechanism]}${kernels === 'on' ? ', kernels' : ''}${program}`;
}

/** Mechanism by mechanism, kernels first. */
function placeOf(name: string, lines: readonly ResultLine[]): number {
  const { mechanism, kernels } = lines.find((line) => seriesName(line) === name)!;
  return 3 * mechanisms.indexOf(mechanism) + (kernels === 'on' ? 0 : kernels === 'off' ? 1 : 2);
}

function styleOf({ kernels, mechanism }: Line): { color: number; dash: 'solid' | 'dash' | 'dot' } {
  const dash = kernels === 'on' ? 'solid' : kernels === 'off' ? 'dash' : 'dot';
  return { color: mechanisms.indexOf(mechanism), dash };
}

/** 16384 as `16K`: five numbers have to stand side by side. */
function thousands(n: number): string {
  return n % 1024 === 0 ? `${n / 1024}K` : String(n);
}
