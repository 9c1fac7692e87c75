import { type Figure, lineFigure } from '@primal-attention/notebook';
import { curveOf, type LoggedRun, type Pair } from './pairs.js';

const axes = {
  loss: { title: 'Cross entropy', unit: 'nats' },
  accuracy: { title: 'Accuracy on the development set', unit: '%' },
} as const;

/** The course of training with kernels and without: mean over seeds, with a band of their standard deviation. */
export function trainingFigure(pair: Pair, what: keyof typeof axes): Figure {
  const series = (name: string, runs: readonly LoggedRun[], color: number) => {
    const { steps, mean, deviation } = curveOf(runs, what);
    return {
      name,
      color,
      x: steps.map((step) => step / 1000),
      y: mean,
      ...(deviation && { std: deviation }),
    };
  };
  return lineFigure({
    title: `${pair.run}: ${what === 'loss' ? 'training loss' : 'accuracy in training'}`,
    x: { title: 'Step', unit: 'thousands' },
    y: axes[what],
    series: [series('without kernels', pair.without, 0), series('with kernels', pair.with, 1)],
  });
}
