import { type Figure, renderSvg } from '@primal-attention/notebook';
import { accuracyFigure, ksvdFigure, lossFigure, spectrumFigure } from './figures.js';
import { signed, type TableRow, tolerance } from './rows.js';
import type { LoadedRun } from './summary.js';

const style = `
  :root { color-scheme: light; }
  body { font: 16px/1.55 system-ui, sans-serif; color: #1b1f24; background: #fff; max-width: 46rem; margin: 2.5rem auto; padding: 0 1.25rem; }
  h1 { font-size: 1.7rem; line-height: 1.25; margin: 0 0 .5rem; }
  h2 { font-size: 1.2rem; margin: 2.5rem 0 .5rem; }
  table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
  th, td { text-align: right; padding: .4rem .6rem; border-bottom: 1px solid #d8dde3; }
  th:nth-child(-n+2), td:nth-child(-n+2) { text-align: left; }
  .scroll { overflow-x: auto; }
  figure { margin: 1.25rem 0; }
  figure svg { width: 100%; height: auto; }
  figcaption, .note { color: #4b5661; font-size: .92rem; }
  dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1rem; font-size: .92rem; }
  dt { color: #4b5661; } dd { margin: 0; overflow-wrap: anywhere; }
  @media print { body { margin: 0; max-width: none; } figure, table { break-inside: avoid; } }
`;

/** The report as one HTML file that needs nothing else. */
export function page(runs: readonly LoadedRun[], rows: readonly TableRow[]): string {
  const [{ summary }] = runs;
  const { provenance } = summary;
  const first = { label: 'first', index: 0 };
  const lastLayer = Math.max(...summary.spectra.map(({ layer }) => layer));
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Primal-Attention: reproduction of Table 1</title>
<style>${style}</style>
</head>
<body>
<h1>Primal-Attention: time-series classification</h1>
<p>Test accuracy of the paper's classifier (Table 1, UEA archive) with softmax attention in both layers (Trans.), with
Primal-Attention in both (Primal.), and with softmax in the first and Primal-Attention in the second (Primal.+Trans.), trained at
the paper's settings with seed ${summary.config.seed}.</p>

<h2>Accuracy</h2>
<div class="scroll"><table>
<thead><tr><th scope="col">dataset</th><th scope="col">model</th><th scope="col">ours, %</th><th scope="col">paper, %</th><th scope="col">difference</th><th scope="col">best epoch</th><th scope="col">last epoch, %</th></tr></thead>
<tbody>
${rows.map(htmlRow).join('\n')}
</tbody></table></div>
<p class="note">“Ours” and “paper” are the best over the evaluated epochs on the test set, the paper's protocol: the test set
chooses the epoch, so these figures are optimistic. “Last epoch” does not choose. One seed each, ${summary.testCases} test
samples: one sample is ${(100 / summary.testCases).toFixed(2)} points, and one standard error about 0.6. A run counts as
reproduced when it is no more than ${tolerance} points below the paper.</p>

<h2>Training</h2>
${figure(accuracyFigure(runs), 'Accuracy on the test set after each evaluated epoch; the first epochs lie below the axis.')}
${figure(lossFigure(runs), 'Cross entropy on the training set, with dropout, mean over each epoch.')}
${figure(ksvdFigure(runs), 'The regulariser: the squared objective of the kernel SVD, mean over samples and Primal layers. At a solution of the singular value problem it is zero.')}

<h2>Spectra</h2>
${figure(spectrumFigure(runs, first.index), `First layer. ${spectrumCaption(summary.spectrumCases)}`)}
${lastLayer > 0 ? figure(spectrumFigure(runs, lastLayer), `Last layer. ${spectrumCaption(summary.spectrumCases)}`) : ''}
<p class="note">For a Primal layer the matrix is φ<sub>Q</sub> F<sup>T</sup>F φ<sub>K</sub><sup>T</sup> of theorem 3.2. The paper does not say which
matrix its Figure 1 shows; the other candidate, with f = I, is in each run's summary. A Primal matrix cannot have more non-zero
singular values than the dimension of a head, by its construction, so the comparison with softmax is not like for like.</p>

<h2>Provenance</h2>
${runs.map(provenanceList).join('\n')}
<p class="note">Report of ${provenance.date.slice(0, 10)}. Paper: Chen, Tao, Tonin and Suykens, “Primal-Attention: Self-attention through Asymmetric
Kernel SVD in Primal Representation”, NeurIPS 2023.</p>
</body>
</html>
`;
}

function htmlRow({ dataset, model, ours, paper, difference, bestEpoch, last }: TableRow): string {
  const cells = [
    escapeHtml(dataset),
    escapeHtml(model),
    ours.toFixed(1),
    paper.toFixed(1),
    signed(difference),
    bestEpoch,
    last.toFixed(1),
  ];
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function spectrumCaption(cases: number): string {
  return `Cumulative singular values, normalised to 1; mean and standard deviation over heads and ${cases} test samples.`;
}

function figure(content: Figure, caption: string): string {
  return `<figure>${renderSvg(content)}<figcaption>${escapeHtml(caption)}</figcaption></figure>`;
}

function provenanceList({ summary }: LoadedRun): string {
  const { provenance: p, config } = summary;
  const entries = [
    [
      'run',
      `${config.dataset}, ${config.model}, ${summary.parameters.toLocaleString('en')} parameters, seed ${config.seed}`,
    ],
    ['time', `${Math.round(summary.seconds)} s on ${p.machine}`],
    ['device', `${p.backend}: ${p.device}; Node ${p.node}`],
    ['commit', `${p.commit}${p.modified ? ' with changes' : ''}, ${p.date}`],
  ];
  return `<dl>${entries.map(([term, text]) => `<dt>${term}</dt><dd>${escapeHtml(text)}</dd>`).join('')}</dl>`;
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
