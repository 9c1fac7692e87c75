// `node promote.js [--replace]`: copies the finished runs and their figures to results/, to be committed as reference.
import { join } from 'node:path';
import { promoteRuns } from '@primal-attention/experiment';
import { writeFigure } from '@primal-attention/notebook';
import { accuracyFigure, lossFigure, spectrumFigure } from './figures.js';
import { inPaperOrder } from './rows.js';
import { experimentFolder, loadRun, runIds } from './summary.js';

const replace = process.argv.includes('--replace');
const results = join(experimentFolder, 'results');
const runs = inPaperOrder(runIds().map((id) => loadRun(id, 'runs')));

promoteRuns(
  runs.map(({ summary: { id, provenance } }) => ({
    id,
    provenance,
    folder: join(experimentFolder, id, 'run'),
  })),
  results,
  replace,
);
for (const { summary } of runs) {
  console.log(
    `results/${summary.id}: ${(100 * summary.accuracy.best).toFixed(2)} %, commit ${summary.provenance.commit}`,
  );
}
writeFigure(accuracyFigure(runs), join(results, 'accuracy.png'));
writeFigure(lossFigure(runs), join(results, 'loss.png'));
for (const layer of [0, 1])
  writeFigure(spectrumFigure(runs, layer), join(results, `spectrum-layer${layer + 1}.png`));
