import { type DatasetName, datasets } from '@primal-attention/datasets';
import type { Cell, MissingCell, ReportedCells } from '@primal-attention/experiment';
import type { RunConfig } from './config.js';
import { configOf, finishedIds, loadRun, type RunSummary, runIds } from './summary.js';

/**
 * Table 1 as the committed results have it: accuracies in percent by set and model, under two protocols. `published` is the best over
 * the evaluated epochs, where the test set chooses the epoch; `last epoch` does not choose.
 */
export function cells(): ReportedCells {
  const finished = finishedIds('results');
  const found = finished.flatMap((id): Cell[] => {
    const { summary } = loadRun(id, 'results');
    const of = {
      ...placeOf(configOf(id)),
      seeds: [summary.config.seed],
      source: `experiments/uea/results/${id}/summary.json`,
      note: noteOf(summary),
    };
    return [
      { ...of, ours: 100 * summary.accuracy.best, protocol: 'published' },
      { ...of, ours: 100 * summary.accuracy.last, protocol: 'last epoch' },
    ];
  });
  return { cells: found, missing: missingCells(runIds().map(configOf), found) };
}

/** The places of runs at which there is no result; several runs may have one place, at other settings. */
export function missingCells(
  configs: readonly Pick<RunConfig, 'dataset' | 'model'>[],
  found: readonly Pick<Cell, 'row' | 'column'>[],
): MissingCell[] {
  const keyOf = ({ row, column }: Pick<Cell, 'row' | 'column'>): string => JSON.stringify([row, column]);
  const known = new Set(found.map(keyOf));
  return configs.map(placeOf).flatMap((place): MissingCell[] => {
    if (known.has(keyOf(place))) return [];
    known.add(keyOf(place));
    return [{ ...place, reason: 'not trained yet: it needs a GPU and the files of its set' }];
  });
}

function placeOf({ dataset, model }: Pick<RunConfig, 'dataset' | 'model'>) {
  return { table: 'table1', row: dataset, column: model };
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
