// `node promote.js [--replace]`: copies the finished runs and the figures of JapaneseVowels to results/, to be committed as reference.
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFigure } from '@primal-attention/notebook';
import { accuracyFigure, lossFigure, spectrumFigure } from './figures.js';
import { inPaperOrder } from './rows.js';
import { experimentFolder, finishedIds, loadRun, type RunSummary } from './summary.js';

const replace = process.argv.includes('--replace');
const results = join(experimentFolder, 'results');
const runs = inPaperOrder(finishedIds('runs').map((id) => loadRun(id, 'runs')));
if (runs.length === 0)
  throw new Error('promote: no run has finished here; pnpm turbo run experiment trains them');

for (const { summary } of runs) {
  const { id, provenance } = summary;
  if (provenance.modified || provenance.commit === 'unknown') {
    throw new Error(
      `promote: run '${id}' was made from code that is not a commit; a reference must name its code`,
    );
  }
  const target = join(results, id);
  const path = join(target, 'summary.json');
  if (existsSync(path) && !replace) {
    const old = JSON.parse(readFileSync(path, 'utf8')) as RunSummary;
    if (old.provenance.date !== provenance.date) {
      throw new Error(
        `promote: results/${id} holds another run (of ${old.provenance.date}); --replace takes this one`,
      );
    }
  }
}
for (const { summary } of runs) {
  const target = join(results, summary.id);
  mkdirSync(target, { recursive: true });
  for (const name of ['summary.json', 'metrics.jsonl', 'timing.jsonl']) {
    copyFileSync(join(experimentFolder, summary.id, 'run', name), join(target, name));
  }
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
