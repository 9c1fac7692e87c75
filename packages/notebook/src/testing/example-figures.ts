import { barFigure } from '../bar-figure.js';
import type { Figure } from '../figure.js';
import { lineFigure } from '../line-figure.js';

/** One figure of each kind and with each option; their drawings are kept in fixtures/ to be looked at. */
export const exampleFigures: Record<string, () => Figure> = {
  'line-curves': () => {
    const epochs = Array.from({ length: 51 }, (_, i) => 2 * i);
    return lineFigure({
      title: 'Test accuracy over training',
      x: { title: 'Epoch' },
      y: { title: 'Test accuracy', unit: '%' },
      series: ['Trans.', 'Primal.', 'Primal.+Trans.'].map((name, k) => ({
        name,
        x: epochs,
        y: epochs.map((epoch) => 98 - k / 2 - 60 * Math.exp(-epoch / (8 + 4 * k))),
      })),
    });
  },
  'line-bands': () => {
    const index = Array.from({ length: 26 }, (_, i) => i);
    return lineFigure({
      title: 'Singular values of attention matrices, mean ± std over heads',
      x: { title: 'Index' },
      y: { title: 'Cumulative singular value', unit: 'normalised', range: [0, 1] },
      series: ['softmax, first layer', 'softmax, last layer', 'Primal, first layer'].map((name, k) => ({
        name,
        y: Float32Array.from(index, (i) => 1 - 0.8 * Math.exp(-i / (4 + 2 * k))),
        std: Float32Array.from(index, (i) => 0.08 * Math.exp(-i / 8)),
        color: k === 2 ? 1 : 0,
        dash: k === 1 ? 'dash' : 'solid',
      })),
    });
  },
  'line-log-gaps': () =>
    lineFigure({
      title: 'A loss that diverges <b> & recovers',
      x: { title: 'Step' },
      y: { title: 'Cross entropy', unit: 'nats', log: true },
      series: [
        {
          name: 'diverges',
          y: [1, 0.5, Number.NaN, 0.2, Number.POSITIVE_INFINITY, 0.03, 0.01],
          std: [0.5, 0.6, 0.1, 0.3, 0.1, 0.02, 0.02],
        },
        { name: 'touches zero', y: [1, 0.9, 0.8, 0.7, 0, 0.5, 0.4] },
      ],
    }),
  'bar-labels': () =>
    barFigure({
      title: 'Accuracy, ours beside the paper’s',
      x: { title: 'Model' },
      y: { title: 'Test accuracy', unit: '%', range: [90, 100] },
      categories: ['Trans.', 'Primal.', 'Primal.+Trans.'],
      series: [
        { name: 'ours', values: [98.4, 98.1, 98.6] },
        { name: 'paper', values: [98.4, 98.7, 98.9] },
      ],
      labelDigits: 1,
    }),
  'bar-std': () =>
    barFigure({
      title: 'Step time, mean ± std of 5',
      x: { title: 'Mechanism' },
      y: { title: 'Time', unit: 'ms' },
      categories: ['softmax', 'Primal', 'missing'],
      series: [{ name: 'H100', values: [42.1, 5.9, Number.NaN], std: [1.5, 0.4, 0] }],
      labelDigits: 1,
    }),
};
