import { join } from 'node:path';
import { type DatasetName, datasets } from '@primal-attention/datasets';
import {
  type Cell,
  groupBySeed,
  type MissingCell,
  overSeeds,
  type ReportedCells,
  readSummaries,
  sourcesOf,
} from '@primal-attention/experiment';
import { configOf, experimentFolder, type RunSummary, runIds } from './summary.js';

/**
 * Table 1 as the committed results have it: accuracies in percent by set and model, under two protocols. `published` is the best over
 * the evaluated epochs, where the test set chooses the epoch; `last epoch` does not choose. Several seeds give their mean and
 * deviation; another precision makes another line of the cell.
 */
export function cells(results: string = join(experimentFolder, 'results')): ReportedCells {
  const summaries = readSummaries<RunSummary>(results);
  const found: Cell[] = [];
  const missing: MissingCell[] = [];
  const places = runIds().map((id) => {
    const { dataset, model } = configOf(id);
    return { table: 'table1', row: dataset, column: model };
  });
  for (const place of new Map(places.map((one) => [`${one.row} ${one.column}`, one])).values()) {
    const runs = summaries.filter(
      ({ config: { dataset, model } }) => dataset === place.row && model === place.column,
    );
    if (runs.length === 0)
      missing.push({ ...place, reason: 'not trained yet: it needs a GPU and the files of its set' });
    for (const group of groupBySeed(runs)) {
      const [{ config }] = group;
      const line = (protocol: string, value: (run: RunSummary) => number): Cell => ({
        ...place,
        ...overSeeds(group.map((run) => 100 * value(run))),
        protocol: config.precision === undefined ? protocol : `${protocol}, ${config.precision}`,
        seeds: group.map((run) => run.config.seed),
        ...sourcesOf('uea', group),
        note: noteOf(group[0]),
      });
      found.push(line('published', ({ accuracy }) => accuracy.best));
      found.push(line('last epoch', ({ accuracy }) => accuracy.last));
    }
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
