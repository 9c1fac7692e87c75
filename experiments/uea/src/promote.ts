// `node promote.js [--replace]`: copies the finished runs, variants too, and the figures of JapaneseVowels to results/, to be committed as
// reference.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { finishedPlaces, promoteRuns } from '@primal-attention/experiment';
import { writeFigure } from '@primal-attention/notebook';
import { accuracyFigure, lossFigure, spectrumFigure } from './figures.js';
import { inPaperOrder } from './rows.js';
import { experimentFolder, finishedIds, loadRun, type RunSummary, runIds } from './summary.js';

const replace = process.argv.includes('--replace');
const results = join(experimentFolder, 'results');
const runs = runIds().flatMap((id) =>
  finishedPlaces(join(experimentFolder, id)).map((folder) => ({
    folder,
    summary: JSON.parse(readFileSync(join(folder, 'summary.json'), 'utf8')) as RunSummary,
  })),
);
if (runs.length === 0)
  throw new Error('promote: no run has finished here; pnpm turbo run experiment trains them');

promoteRuns(
  runs.map(({ folder, summary: { id, provenance } }) => ({ id, folder, provenance })),
  results,
  replace,
);
for (const { summary } of runs) {
  console.log(
    `results/${summary.id}: ${(100 * summary.accuracy.best).toFixed(2)} %, commit ${summary.provenance.commit}`,
  );
}

const shown = inPaperOrder(finishedIds('runs').map((id) => loadRun(id, 'runs'))).filter(
  ({ summary }) => summary.config.dataset === 'JapaneseVowels',
);
if (shown.length > 0) {
  writeFigure(accuracyFigure(shown), join(results, 'accuracy.png'));
  writeFigure(lossFigure(shown), join(results, 'loss.png'));
  for (const layer of [0, 1])
    writeFigure(spectrumFigure(shown, layer), join(results, `spectrum-layer${layer + 1}.png`));
}
