import { barFigure, type Dash, type Figure, type Json, lineFigure } from '@primal-attention/notebook';
import { formName, hasOutcome, type Line, type MeasuredLine } from './measurement.js';
import type { Curve } from './scaling.js';
import {
  kernelForms,
  modelNames,
  type Precision,
  precisions,
  scalingModels,
  type TaskName,
  tasks,
} from './settings.js';

const dashOf: Record<Precision, Dash> = { bf16: 'solid', tf32: 'dash', float32: 'dot' };

const quantities = {
  time: {
    title: 'Time of a training step per token',
    unit: 'ns',
    of: ({ msPerStep }: Curve) => msPerStep,
    factor: 1e6,
  },
  memory: {
    title: 'Memory of a training step per token',
    unit: 'KiB',
    of: ({ bytes }: Curve) => bytes,
    factor: 2 ** -10,
  },
} as const;

/** What a token costs against N, both logarithmic: what grows with N is a level line. A colour per model, a dash per precision; forms with and without kernels are figures of their own. */
export function scalingFigure(curves: readonly Curve[], quantity: keyof typeof quantities): Figure {
  const { title, unit, of, factor } = quantities[quantity];
  const lengths = [...new Set(curves.flatMap((curve) => curve.lengths))].sort((a, b) => a - b);
  const figure = lineFigure({
    title: `${title}, text task, batch ${curves[0].batch}`,
    x: { title: 'N', log: true },
    y: { title: quantity === 'time' ? 'Time per token' : 'Memory per token', unit, log: true },
    series: curves.map((curve) => ({
      name: `${formName(curve)}, ${curve.precision}`,
      color: scalingModels.indexOf(curve.model as (typeof scalingModels)[number]),
      dash: dashOf[curve.precision],
      x: curve.lengths,
      y: of(curve).map((value, i) => (value * factor) / (curve.batch * curve.lengths[i])),
    })),
  });
  const { xaxis, yaxis } = figure.layout as unknown as Axes;
  const ticks = (values: readonly number[]) => ({
    tickmode: 'array',
    tickvals: [...values],
    ticktext: values.map(String),
  });
  const values = figure.data.flatMap(({ y }) => (y as (number | null)[]).filter((value) => value !== null));
  return {
    ...figure,
    layout: {
      ...figure.layout,
      xaxis: { ...xaxis, ...ticks(lengths) },
      yaxis: { ...yaxis, ...ticks(oneTwoFive(values)) },
    },
  };
}

function isOf(line: Line, bar: Pick<Line, 'precision' | 'kernels'>): boolean {
  return line.precision === bar.precision && line.kernels === bar.kernels;
}

type Axes = Record<'xaxis' | 'yaxis', { [key: string]: Json }>;

/** 1, 2, 5, 10, … from below the least value to above the most. */
function oneTwoFive(values: readonly number[]): number[] {
  const [least, most] = [Math.min(...values) / 2.5, Math.max(...values) * 2.5];
  const decades = Array.from({ length: 24 }, (_, i) => i - 12);
  return decades
    .flatMap((power) => [1, 2, 5].map((digit) => Number(`${digit}e${power}`)))
    .filter((value) => value >= least && value <= most);
}

/** Time or memory of each model of ours on one task, at its published size; a bar per precision and form. */
export function modelsFigure(
  lines: readonly Line[],
  task: TaskName,
  quantity: 'time' | 'memory',
): Figure | undefined {
  const { length, batch } = tasks[task];
  const chosen = lines
    .filter(hasOutcome)
    .filter(
      (line) =>
        line.part === 'table' &&
        line.program === 'ours' &&
        line.task === task &&
        line.length === length &&
        line.batch === batch &&
        line.kernelsRefused === undefined,
    );
  const categories = modelNames.filter((name) => chosen.some(({ model }) => model === name));
  if (categories.length === 0) return undefined;
  const value = ({ msPerStep, devicePeakBytes, programBytes }: MeasuredLine): number =>
    quantity === 'time' ? msPerStep : (devicePeakBytes ?? programBytes ?? Number.NaN) / 2 ** 30;
  const used = precisions
    .flatMap((precision) => kernelForms.map((kernels) => ({ precision, kernels })))
    .filter((bar) => chosen.some((line) => isOf(line, bar)));
  const figure = barFigure({
    title: `${quantity === 'time' ? 'Time' : 'Peak memory'} of a training step: ${task}, N ${length}, batch ${batch}`,
    x: { title: '' },
    y: quantity === 'time' ? { title: 'Time of a step', unit: 'ms' } : { title: 'Peak memory', unit: 'GiB' },
    categories,
    series: used.map((bar) => ({
      name: bar.kernels === 'on' ? `${bar.precision} + kernels` : bar.precision,
      values: categories.map((model) => {
        const line = chosen.find((each) => each.model === model && isOf(each, bar));
        return line === undefined ? Number.NaN : value(line);
      }),
    })),
    labelDigits: quantity === 'time' ? 1 : 2,
    width: 1100,
  });
  const { xaxis } = figure.layout as unknown as Axes;
  // Upright names: at a slant they would take as much room as the bars.
  const ticktext = categories.map((name) => name.replace(/ (?=\()|(?<=\+)/, '<br>'));
  const ticks = { tickmode: 'array', tickvals: [...categories], ticktext, tickangle: 0 };
  return { ...figure, layout: { ...figure.layout, xaxis: { ...xaxis, ...ticks } } };
}
