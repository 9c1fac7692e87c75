// `node promote.js [--replace]`: copies the finished runs and the figures of JapaneseVowels to results/, to be committed as reference.
import { join } from 'node:path';
import { promoteRuns } from '@primal-attention/experiment';
import { writeFigure } from '@primal-attention/notebook';
import { accuracyFigure, lossFigure, spectrumFigure } from './figures.js';
import { inPaperOrder } from './rows.js';
import { experimentFolder, finishedIds, loadRun } from './summary.js';

const replace = process.argv.includes('--replace');
const results = join(experimentFolder, 'results');
const runs = inPaperOrder(finishedIds('runs').map((id) => loadRun(id, 'runs')));
if (runs.length === 0)
  throw new Error('promote: no run has finished here; pnpm turbo run experiment trains them');

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

const shown = runs.filter(({ summary }) => summary.config.dataset === 'JapaneseVowels');
if (shown.length > 0) {
  writeFigure(accuracyFigure(shown), join(results, 'accuracy.png'));
  writeFigure(lossFigure(shown), join(results, 'loss.png'));
  for (const layer of [0, 1])
    writeFigure(spectrumFigure(shown, layer), join(results, `spectrum-layer${layer + 1}.png`));
}
