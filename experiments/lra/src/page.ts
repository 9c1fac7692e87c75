import type { OverSeeds } from '@primal-attention/experiment';
import type { Figure } from '@primal-attention/notebook';
import { escapeHtml, htmlFigure, htmlPage, htmlTable } from '@primal-attention/report';
import type { RunConfig } from './config.js';
import { attentionDrawOf, drawOf } from './draws.js';
import { trainingFigure } from './figures.js';
import { accuraciesOf, type LoggedRun, type Pair } from './pairs.js';

/** Runs with GPU kernels beside the same runs without, as one HTML file that needs nothing else. */
export function page(pairs: readonly Pair[]): string {
  const whole = pairs.filter((pair) => pair.without.length > 0 && pair.with.length > 0);
  return htmlPage({
    title: 'Long Range Arena: with GPU kernels and without',
    header: `<p>The same trainings twice: by the operations that the compiler knows, and with GPU kernels of our own for
feed-forward parts, Primal-Attention and softmax attention. Kernels add in another order and round in other places, so that two
runs part after some steps; they should not end further apart than two seeds do. Where they draw dropout’s masks by products of random
words, the masks are others, too: <code>products</code> below, and at the end of a run’s name.</p>`,
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
${origins(pair)}
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

/** One line for each run, and one for each kernel's launch. */
function origins(pair: Pair): string {
  const runs = [...pair.without, ...pair.with].map(({ summary }) => summary);
  const text = (title: string) => ({ title, kind: 'text' as const });
  const wide = (title: string) => ({ title, kind: 'wide' as const });
  const made = htmlTable(
    'The runs',
    [
      ...[text('run'), text('kernels'), text('dropout draws by')],
      ...[text('commit'), text('date'), wide('device')],
    ],
    runs.map(({ id, config, kernels, provenance: p }) => [
      { html: `<a href="../experiments/lra/results/${id}/summary.json">${escapeHtml(id)}</a>` },
      kernels === undefined ? 'none' : 'of our own',
      drawsText(config),
      `${p.commit.slice(0, 12)}${p.modified ? ', with changes' : ''}`,
      // Hyphens at which no line ends.
      ...[p.date.slice(0, 10).replaceAll('-', '\u2011'), `${p.backend}: ${p.device}; Node ${p.node}`],
    ]),
  );
  /** Runs by kernel and launch. */
  const launches = new Map<string, string[]>();
  for (const { id, kernels = [] } of runs) {
    for (const [kernel, launch] of kernels.flatMap((session) => Object.entries(session.launches))) {
      const key = JSON.stringify([kernel, launch]);
      launches.set(key, unique([...(launches.get(key) ?? []), id]));
    }
  }
  const rows = [...launches].map(([key, ids]) => {
    const [name, launch] = JSON.parse(key) as string[];
    // Such as `primal of batch 32, length 4096` or `softmax attention, 2 heads, mask`.
    const [, kernel, made] = /^(.*?)(?: of |, |$)(.*)$/.exec(name)!;
    return [kernel, launch, ids.join(', '), made];
  });
  if (rows.length === 0) return made;
  return `${made}
${htmlTable('How the kernels were launched in training', [text('kernel'), text('launch'), wide('in'), wide('made for')], rows)}`;
}

function drawsText(config: RunConfig): string {
  const [draw, attention] = [drawOf(config), attentionDrawOf(config)];
  return attention === undefined || attention === draw ? draw : `${draw} (attention: ${attention})`;
}

function unique(texts: readonly string[]): string[] {
  return [...new Set(texts)];
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
