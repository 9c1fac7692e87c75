import type { Figure } from '@primal-attention/notebook';
import { escapeHtml, htmlFigure, htmlPage, htmlTable } from '@primal-attention/report';
import { accuracyFigure, ksvdFigure, lossFigure, spectrumFigure } from './figures.js';
import { signed, type TableRow, tolerance } from './rows.js';
import type { LoadedRun } from './summary.js';

/** The report as one HTML file that needs nothing else. */
export function page(runs: readonly LoadedRun[], rows: readonly TableRow[]): string {
  const [{ summary }] = runs;
  const { provenance } = summary;
  const first = { label: 'first', index: 0 };
  const lastLayer = Math.max(...summary.spectra.map(({ layer }) => layer));
  return htmlPage({
    title: 'Primal-Attention: time-series classification',
    header: `<p>Test accuracy of the paper's classifier (Table 1, UEA archive) with softmax attention in both layers (Trans.), with
Primal-Attention in both (Primal.), and with softmax in the first and Primal-Attention in the second (Primal.+Trans.), trained at
the paper's settings with seed ${summary.config.seed}.</p>`,
    main: `<section aria-labelledby="accuracy">
<h2 id="accuracy">Accuracy</h2>
${accuracyTable(rows)}
<p class="note">“Ours” and “paper” are the best over the evaluated epochs on the test set, the paper's protocol: the test set
chooses the epoch, so these figures are optimistic. “Last epoch” does not choose. One seed each, ${summary.testCases} test
samples: one sample is ${(100 / summary.testCases).toFixed(2)} points, and one standard error about 0.6. A run counts as
reproduced when it is no more than ${tolerance} points below the paper.</p>
</section>

<section aria-labelledby="training">
<h2 id="training">Training</h2>
${figure(accuracyFigure(runs), 'Accuracy on the test set after each evaluated epoch; the first epochs lie below the axis.')}
${figure(lossFigure(runs), 'Cross entropy on the training set, with dropout, mean over each epoch.')}
${figure(ksvdFigure(runs), 'The regulariser: the squared objective of the kernel SVD, mean over samples and Primal layers. At a solution of the singular value problem it is zero.')}
</section>

<section aria-labelledby="spectra">
<h2 id="spectra">Spectra</h2>
${figure(spectrumFigure(runs, first.index), `First layer. ${spectrumCaption(summary.spectrumCases)}`)}
${lastLayer > 0 ? figure(spectrumFigure(runs, lastLayer), `Last layer. ${spectrumCaption(summary.spectrumCases)}`) : ''}
<p class="note">For a Primal layer the matrix is φ<sub>Q</sub> F<sup>T</sup>F φ<sub>K</sub><sup>T</sup> of theorem 3.2. The paper does not say which
matrix its Figure 1 shows; the other candidate, with f = I, is in each run's summary. A Primal matrix cannot have more non-zero
singular values than the dimension of a head, by its construction, so the comparison with softmax is not like for like.</p>
</section>

<section aria-labelledby="provenance">
<h2 id="provenance">Provenance</h2>
${runs.map(provenanceList).join('\n')}
</section>`,
    footer: `<p>Report of ${provenance.date.slice(0, 10)}. Paper: Chen, Tao, Tonin and Suykens, <cite>Primal-Attention: Self-attention through
Asymmetric Kernel SVD in Primal Representation</cite>, NeurIPS 2023.</p>`,
  });
}

function accuracyTable(rows: readonly TableRow[]): string {
  const text = (title: string) => ({ title, kind: 'text' as const });
  const number = (title: string) => ({ title, kind: 'number' as const });
  return htmlTable(
    'Test accuracy in percent',
    [
      ...[text('dataset'), text('model'), number('ours'), number('paper'), number('difference')],
      ...[number('best epoch'), number('last epoch')],
    ],
    rows.map(({ dataset, model, ours, paper, difference, bestEpoch, last }) => [
      ...[dataset, model, ours.toFixed(1), paper.toFixed(1), signed(difference)],
      ...[String(bestEpoch), last.toFixed(1)],
    ]),
  );
}

function spectrumCaption(cases: number): string {
  return `Cumulative singular values, normalised to 1; mean and standard deviation over heads and ${cases} test samples.`;
}

function figure(content: Figure, caption: string): string {
  const { title } = content.layout as { title?: { text?: string } };
  const names = content.data.filter((trace) => trace.showlegend !== false).map(({ name }) => String(name));
  return htmlFigure(content, {
    caption,
    alt: `${title?.text}: lines for ${[...new Set(names)].join(', ')}`,
  });
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
