import { type DatasetName, datasets } from '@primal-attention/datasets';
import type { Cell, MissingCell, ReportedCells } from '@primal-attention/experiment';
import { configOf, finishedIds, loadRun, type RunSummary, runIds } from './summary.js';

/**
 * Table 1 as the committed results have it: accuracies in percent by set and model, under two protocols. `published` is the best over
 * the evaluated epochs, where the test set chooses the epoch; `last epoch` does not choose.
 */
export function cells(): ReportedCells {
  const finished = finishedIds('results');
  const found: Cell[] = [];
  const missing: MissingCell[] = [];
  for (const id of runIds()) {
    const { dataset, model } = configOf(id);
    const place = { table: 'table1', row: dataset, column: model };
    if (!finished.includes(id)) {
      missing.push({ ...place, reason: 'not trained yet: it needs a GPU and the files of its set' });
      continue;
    }
    const { summary } = loadRun(id, 'results');
    const of = {
      ...place,
      seeds: [summary.config.seed],
      source: `experiments/uea/results/${id}/summary.json`,
      note: noteOf(summary),
    };
    found.push({ ...of, ours: 100 * summary.accuracy.best, protocol: 'published' });
    found.push({ ...of, ours: 100 * summary.accuracy.last, protocol: 'last epoch' });
  }
  return { cells: found, missing };
}

/** UCI's original of a set has other sizes than the archive's, which the paper used. */
function noteOf({ config, trainCases, testCases }: RunSummary): string | undefined {
  const { train, test } = datasets[config.dataset as DatasetName];
  if (train.cases === trainCases && test.cases === testCases) return undefined;
  return (
    `trained on ${trainCases} and tested on ${testCases} series of the set's original; ` +
    `the archive's has ${train.cases} and ${test.cases}`
  );
}
