import { type Figure, lineFigure } from '@primal-attention/notebook';
import { modelNames } from './config.js';
import type { LoadedRun } from './summary.js';

/** One colour per model in every figure, in the order of the table. */
function colorOf(run: LoadedRun): number {
  return modelNames.indexOf(run.summary.config.model);
}

function curve(run: LoadedRun, kind: 'train' | 'evaluation', metric: string, factor = 1) {
  const lines = run.history.filter((line) => line.kind === kind);
  return {
    name: run.summary.config.model,
    color: colorOf(run),
    x: lines.map(({ epoch }) => epoch),
    // A number that was not finite is null in the log and a gap in the figure.
    y: lines.map(({ metrics }) => (metrics[metric] ?? Number.NaN) * factor),
  };
}

/** Test accuracy over epochs. The axis starts where the curves differ, not at 0. */
export function accuracyFigure(runs: readonly LoadedRun[]): Figure {
  return lineFigure({
    title: `Test accuracy on ${runs[0].summary.config.dataset}`,
    x: { title: 'Epoch' },
    y: { title: 'Test accuracy', unit: '%', range: [90, 100] },
    series: runs.map((run) => curve(run, 'evaluation', 'accuracy', 100)),
  });
}

/** Cross entropy of training (with dropout) over epochs, on a logarithmic scale. */
export function lossFigure(runs: readonly LoadedRun[]): Figure {
  return lineFigure({
    title: `Training on ${runs[0].summary.config.dataset}`,
    x: { title: 'Epoch' },
    y: { title: 'Cross entropy', unit: 'nats', log: true },
    series: runs.map((run) => curve(run, 'train', 'crossEntropy')),
  });
}

/** The KSVD term mean J^2 over epochs, of the runs that have Primal layers. */
export function ksvdFigure(runs: readonly LoadedRun[]): Figure {
  return lineFigure({
    title: 'KSVD loss during training',
    x: { title: 'Epoch' },
    y: { title: 'Mean of J squared', log: true },
    series: runs.filter(({ summary }) => summary.config.primal).map((run) => curve(run, 'train', 'ksvd')),
  });
}

/**
 * Cumulative singular values of the attention matrices of one layer (the quantity of Figure 1): Primal against softmax.
 *
 * @param matrix which of the two candidates stands for a Primal layer
 */
export function spectrumFigure(
  runs: readonly LoadedRun[],
  layer: number,
  matrix: 'primal' | 'primal f=I' = 'primal',
): Figure {
  const series = runs.flatMap((run) =>
    run.summary.spectra
      .filter((spectrum) => spectrum.layer === layer && ['softmax', matrix].includes(spectrum.matrix))
      .map((spectrum) => ({
        // Short: a long name would be cut off in the legend.
        name: `${run.summary.config.model}: ${spectrum.matrix === 'softmax' ? 'softmax' : 'Primal'}`,
        color: colorOf(run),
        x: spectrum.mean.map((_, i) => i + 1),
        y: spectrum.mean,
        std: spectrum.std,
      })),
  );
  return lineFigure({
    title: `Singular values of attention, layer ${layer + 1}`,
    x: { title: 'Singular values counted' },
    y: { title: 'Share of their sum', range: [0, 1] },
    series,
  });
}
