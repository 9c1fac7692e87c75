import { barFigure } from '../bar-figure.js';
import type { Figure } from '../figure.js';
import { gridFigure } from '../grid-figure.js';
import { heatmapFigure } from '../heatmap-figure.js';
import { lineFigure } from '../line-figure.js';
import { scatterFigure } from '../scatter-figure.js';

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
  'bar-log-std': () =>
    barFigure({
      title: 'Memory of a training step',
      x: { title: 'Sequence length' },
      y: { title: 'Memory', unit: 'GiB', log: true },
      categories: ['1K', '2K', '4K', '8K'],
      series: [
        { name: 'softmax', values: [1.1, 4.2, 16.5, 66], std: [0.2, 0.4, 1, 3] },
        { name: 'Primal', values: [0.2, 0.4, 0.8, 1.6], std: [0.02, 0.05, 0.1, 0.2] },
      ],
    }),
  'heatmap-attention': () =>
    heatmapFigure({
      title: 'Attention of one head, causal',
      x: { title: 'Key' },
      y: { title: 'Query' },
      values: Array.from({ length: 26 }, (_, i) => causalRow(i, 26)),
      color: { title: 'Attention weight', range: [0, 1] },
      square: true,
    }),
  'heatmap-labels': () =>
    heatmapFigure({
      title: 'Accuracy, ours less the paper’s',
      x: { title: 'Data set', labels: ['JapaneseVowels', 'Heartbeat', 'PEMS-SF'] },
      y: { title: 'Model', labels: ['Primal.', 'Primal.+Trans.'] },
      values: [
        [0.5, -1.2, Number.NaN],
        [-0.8, 0.1, 2.4],
      ].map((row) => Float32Array.from(row)),
      color: { title: 'Difference', unit: 'points', diverging: true },
      labelDigits: 1,
      height: 300,
    }),
  'scatter-log': () =>
    scatterFigure({
      title: 'Time against memory, 4,096 tokens',
      x: { title: 'Time of a training step', unit: 'ms', log: true },
      y: { title: 'Peak memory', unit: 'GiB', log: true },
      series: [
        {
          name: 'quadratic',
          x: [128, 14.8, 60],
          y: [9, 0.75, 4],
          labels: ['softmax', 'fused softmax', 'cosFormer, naive'],
        },
        {
          name: 'linear',
          x: [21.4, 22, 23, 25, 40],
          y: [1.1, 1.15, 1.3, 1.2, 1.9],
          labels: ['Primal', 'Performer', 'Linformer', 'Nyström', 'Reformer'],
        },
      ],
    }),
  'scatter-std': () =>
    scatterFigure({
      title: 'Rank against accuracy, mean ± std of 5 seeds',
      x: { title: 'Rank' },
      y: { title: 'Test accuracy', unit: '%' },
      series: ['first layer', 'all layers'].map((name, k) => ({
        name,
        x: [10, 20, 30, 40],
        y: [90 + k, 94 + k / 2, 96 + k, 96.5 + k],
        yStd: [1, 0.8, 0.5, 0.4],
        connected: true,
      })),
    }),
  'grid-lines': () =>
    gridFigure({
      title: 'Cumulative singular values',
      panels: ['first layer', 'second layer', 'third layer', 'last layer'].map((title, layer) =>
        lineFigure({
          title,
          x: { title: 'Index' },
          y: { title: 'Cumulative singular value', unit: 'normalised', range: [0, 1] },
          series: ['softmax', 'Primal'].map((name, k) => ({
            name,
            y: Float32Array.from({ length: 20 }, (_, i) => 1 - 0.8 * Math.exp(-i / (4 + 2 * layer - 2 * k))),
            std: new Float32Array(20).fill(0.03),
          })),
        }),
      ),
    }),
  'grid-heatmaps': () =>
    gridFigure({
      title: 'Attention of three heads',
      panels: [12, 4, 1].map((width, head) =>
        heatmapFigure({
          title: `head ${head + 1}`,
          x: { title: 'Key' },
          y: { title: 'Query' },
          values: Array.from({ length: 16 }, (_, i) => causalRow(i, 16, width)),
          color: { title: 'Attention weight' },
          square: true,
        }),
      ),
    }),
  'grid-own-axes': () =>
    gridFigure({
      title: 'A run',
      panels: [
        lineFigure({
          title: 'loss',
          x: { title: 'Step' },
          y: { title: 'Cross entropy', unit: 'nats', log: true },
          series: [{ name: 'training', y: [2, 1, 0.5, 0.2, 0.05, 0.01, 0.004] }],
        }),
        lineFigure({
          title: 'accuracy',
          x: { title: 'Epoch' },
          y: { title: 'Accuracy', unit: '%' },
          series: [{ name: 'training', y: [20, 60, 90, 97, 99] }],
        }),
      ],
    }),
};

/** Weights of a query on the keys before it, falling off over `width` of them; later keys are no part of it. */
function causalRow(query: number, keys: number, width = 6): number[] {
  const weights = Array.from({ length: query + 1 }, (_, key) => Math.exp((key - query) / width));
  const sum = weights.reduce((total, weight) => total + weight);
  return Array.from({ length: keys }, (_, key) => (key <= query ? weights[key] / sum : Number.NaN));
}
