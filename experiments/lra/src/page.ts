import type { OverSeeds } from '@primal-attention/experiment';
import type { Figure } from '@primal-attention/notebook';
import { escapeHtml, htmlFigure, htmlPage, htmlTable } from '@primal-attention/report';
import { trainingFigure } from './figures.js';
import { accuraciesOf, type LoggedRun, type Pair } from './pairs.js';

/** Runs with GPU kernels beside the same runs without, as one HTML file that needs nothing else. */
export function page(pairs: readonly Pair[]): string {
  const whole = pairs.filter((pair) => pair.without.length > 0 && pair.with.length > 0);
  return htmlPage({
    title: 'Long Range Arena: with GPU kernels and without',
    header: `<p>The same trainings twice: by the operations that the compiler knows, and with GPU kernels of our own for
feed-forward parts and Primal-Attention. Kernels add in another order and round in other places, so that two runs part after
some steps; they should not end further apart than two seeds do.</p>`,
    main: [...whole.map(section), missing(pairs)].join('\n'),
    footer: `<p>Made from committed result files alone: <code>experiments/lra/results</code>. The paper’s numbers stand beside ours in
<a href="index.html">index.html</a>.</p>`,
  });
}

function section(pair: Pair): string {
  return `<section aria-labelledby="${pair.run}">
<h2 id="${pair.run}">${pair.run}</h2>
${accuracyTable(pair)}
${figure(trainingFigure(pair, 'loss'), `Mean cross entropy of the training steps since the last point, with dropout. ${seedsOf(pair)}`)}
${figure(trainingFigure(pair, 'accuracy'), `Each point is an evaluation on the development set. ${seedsOf(pair)}`)}
<h3>Where they come from</h3>
${[...pair.without, ...pair.with].map(provenanceList).join('\n')}
</section>`;
}

function accuracyTable(pair: Pair): string {
  const number = (title: string) => ({ title, kind: 'number' as const });
  const rows = (['published', 'lastCheckpoint'] as const).map((protocol) => {
    const { without, with: by, difference, standardError } = accuraciesOf(pair, protocol);
    return [
      protocol === 'published' ? 'published' : 'last checkpoint',
      ...[meanText(without), meanText(by)],
      `${difference < 0 ? '−' : '+'}${Math.abs(difference).toFixed(2)}`,
      standardError === undefined ? 'needs two seeds of each' : standardError.toFixed(2),
    ];
  });
  return htmlTable(
    'Test accuracy in percent; mean and standard deviation over seeds',
    [
      { title: 'protocol', kind: 'text' },
      ...[number('without kernels'), number('with kernels'), number('difference, points')],
      number('its standard error over seeds'),
    ],
    rows,
  );
}

function meanText({ ours, deviation }: OverSeeds): string {
  return deviation === undefined ? ours.toFixed(2) : `${ours.toFixed(2)} ± ${deviation.toFixed(2)}`;
}

function seedsOf(pair: Pair): string {
  const list = (runs: readonly LoggedRun[]): string =>
    `${runs.length > 1 ? 'seeds' : 'seed'} ${runs.map(({ summary }) => summary.config.seed).join(', ')}`;
  const bands =
    pair.without.length > 1 || pair.with.length > 1 ? ' Bands: one standard deviation over seeds.' : '';
  return `Without kernels: ${list(pair.without)}; with: ${list(pair.with)}.${bands}`;
}

function figure(content: Figure, caption: string): string {
  const { title } = content.layout as { title?: { text?: string } };
  return htmlFigure(content, { caption, alt: `${title?.text}: lines without kernels and with kernels` });
}

function provenanceList({ summary }: LoggedRun): string {
  const { id, config, provenance: p, kernels } = summary;
  const launches = kernels?.flatMap(({ device, calls, launches }) => [
    [`kernels on ${device}`, `${calls} calls in a step`],
    ...Object.entries(launches),
  ]);
  const entries = [
    ['run', `${id}, ${config.precision}, seed ${config.seed}`],
    ['device', `${p.backend}: ${p.device}; Node ${p.node}`],
    ['commit', `${p.commit}${p.modified ? ' with changes' : ''}, ${p.date}`],
    ...(launches ?? []),
  ];
  return `<dl>${entries.map(([term, text]) => `<dt>${escapeHtml(term)}</dt><dd>${escapeHtml(text)}</dd>`).join('')}</dl>`;
}

/** Runs of which one of the two is not there, and what makes it. */
function missing(pairs: readonly Pair[]): string {
  const lacks = (which: 'with' | 'without'): string[] =>
    pairs.filter((pair) => pair[which].length === 0).map(({ run }) => run);
  const item = (which: 'with' | 'without', reason: string): string => {
    const runs = lacks(which);
    return runs.length === 0
      ? ''
      : `<li><strong>${escapeHtml(reason)}</strong>: ${escapeHtml(runs.join(', '))}</li>`;
  };
  const items = [
    item(
      'with',
      'not trained with kernels yet, which needs an NVIDIA GPU (node dist/run-main.js RUN --kernels)',
    ),
    item('without', 'trained with kernels alone'),
    pairs.length === 0 ? '<li><strong>no run has a result yet</strong></li>' : '',
  ].filter((text) => text !== '');
  if (items.length === 0) return '';
  return `<section aria-labelledby="missing">
<h2 id="missing">Without a comparison</h2>
<ul class="note">
${items.join('\n')}
</ul>
</section>`;
}
