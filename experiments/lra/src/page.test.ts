import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { committedFolder } from './committed.js';
import { trainingFigure } from './figures.js';
import { page } from './page.js';
import { accuraciesOf, curveOf, pairsOf } from './pairs.js';
import type { RunSummary } from './summary.js';
import { smallConfig } from './testing/small.js';

let results: string;
beforeEach(() => {
  results = mkdtempSync(join(tmpdir(), 'lra-page-'));
});
afterEach(() => {
  rmSync(results, { recursive: true });
});

const device = 'NVIDIA card';
const launches = {
  'primal of width 64, heads 2': '64 tokens x 8, 4 warps',
  'softmax attention, 2 heads, mask': '64 queries, 64 keys, 4 warps, 3 stages',
};
const kernels = [{ device, calls: 6, launches }];

/** A result whose numbers follow from one, for each of two lines of the log. */
function put(
  id: string,
  seed: number,
  by: number,
  more: { kernels?: RunSummary['kernels'] } = {},
  change: object = {},
): void {
  mkdirSync(join(results, id));
  const config = smallConfig('Text', {
    precision: 'tf32',
    seed,
    ...(more.kernels && { kernels: true }),
    ...change,
  });
  const accuracy = { published: { accuracy: 0.6 + by }, lastCheckpoint: { accuracy: 0.5 + by } };
  const provenance = { device, backend: 'xla', commit: 'c0ffee1', date: '2026-12-01' };
  writeFileSync(
    join(results, id, 'summary.json'),
    JSON.stringify({ id, config, accuracy, provenance, ...more }),
  );
  const lines = [4, 8].flatMap((step, i) => [
    { kind: 'train', step, metrics: { loss: 9, crossEntropy: 0.7 - 0.1 * i + by, accuracy: 0.1 } },
    { kind: 'evaluation', step, metrics: { crossEntropy: 9, accuracy: 0.5 + 0.1 * i + by } },
  ]);
  writeFileSync(
    join(results, id, 'metrics.jsonl'),
    lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
  );
}

/** The page without its scripts and pictures, which would fill the message of a failure. */
const textOf = (...of: Parameters<typeof page>): string =>
  page(...of).replace(/<script[\s\S]*?<\/script>|src="data:[^"]*"/g, '');

const closeTo = (...values: number[]) => values.map((value) => expect.closeTo(value, 9));

describe('runs with kernels and without', () => {
  it('stand side by side, with all their seeds', () => {
    put('text-primal', 0, 0);
    put('text-primal.seed1', 1, 0.02);
    put('text-primal.kernels', 0, 0.01, { kernels });
    put('text-primal.seed1.kernels', 1, 0.05, { kernels });
    const [pair, ...others] = pairsOf(results);
    expect(others).toEqual([]);
    expect(pair.run).toBe('text-primal');
    expect(pair.without.map(({ summary }) => summary.id)).toEqual(['text-primal', 'text-primal.seed1']);
    expect(curveOf(pair.without, 'loss')).toEqual({
      ...{ steps: [4, 8], mean: closeTo(0.71, 0.61) },
      deviation: closeTo(Math.SQRT1_2 * 0.02, Math.SQRT1_2 * 0.02),
    });
    expect(curveOf(pair.with.slice(0, 1), 'accuracy')).toEqual({ steps: [4, 8], mean: closeTo(51, 61) });
    const { difference, standardError } = accuraciesOf(pair, 'published');
    expect(difference).toBeCloseTo(2, 9);
    // Deviations of sqrt(2) and 2 sqrt(2) points, two seeds each.
    expect(standardError).toBeCloseTo(Math.sqrt(2 / 2 + 8 / 2), 9);
    const lines = trainingFigure(pair, 'loss').data.filter((trace) => trace.showlegend !== false);
    expect(lines.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['without kernels', 'with kernels']),
    );

    const html = textOf([pair]);
    expect(html.match(/<figure class="chart">/g)).toHaveLength(2);
    expect(html).toContain('<td>61.00 ± 1.41</td><td>63.00 ± 2.83</td><td>+2.00</td><td>2.24</td>');
    expect(html).toContain('results/text-primal.seed1.kernels/summary.json');
    expect(html).toContain('primal</th><td class="text">64 tokens x 8, 4 warps</td>');
    expect(html).toContain('<td class="text wide">width 64, heads 2</td>');
    expect(html).toContain(
      'softmax attention</th><td class="text">64 queries, 64 keys, 4 warps, 3 stages</td>',
    );
    expect(html).toContain('<td class="text wide">2 heads, mask</td>');
    const runs = [
      ...html.matchAll(
        /<td class="text">(of our own|none)<\/td><td class="text">(el[^<]*)<\/td><td class="text">c0ff/g,
      ),
    ];
    const [without, by] = [
      ['none', 'elements'],
      ['of our own', 'elements (attention: products)'],
    ];
    expect(runs.map(([, ...cells]) => cells)).toEqual([without, without, by, by]);
    expect(html).not.toContain('Without a comparison');
  });

  it('make a pair for each draw of dropout, and seeds of one are none of another', () => {
    const products = { dropoutDraw: 'products' };
    put('text-primal', 0, 0);
    put('text-primal.kernels', 0, 0.01, { kernels });
    put('text-primal.kernels.products', 0, 0.03, { kernels }, products);
    put('text-primal.seed1.kernels.products', 1, 0.05, { kernels }, products);
    const ids = (side: 'without' | 'with') =>
      pairsOf(results).map((pair) => pair[side].map(({ summary }) => summary.id));
    expect(pairsOf(results).map(({ run }) => run)).toEqual(['text-primal', 'text-primal.products']);
    expect(ids('without')).toEqual([['text-primal'], ['text-primal']]);
    const drawn = ['text-primal.kernels.products', 'text-primal.seed1.kernels.products'];
    expect(ids('with')).toEqual([['text-primal.kernels'], drawn]);
    const html = textOf(pairsOf(results));
    expect(html).toContain('<h2 id="text-primal.products">');
    expect(html).toMatch(/text-primal<\/a><\/th><td class="text">none<\/td><td class="text">elements</);
    expect(html).toMatch(
      /kernels\.products<\/a><\/th><td class="text">of our own<\/td><td class="text">products</,
    );
    expect(html).not.toContain('Without a comparison');

    // Runs without kernels that draw alike are compared with.
    put('text-drawn', 0, 0, {}, products);
    expect(ids('without')).toEqual([['text-primal'], ['text-drawn']]);
  });

  it('are not compared where one is missing, which is said with the reason', () => {
    put('text-primal', 0, 0);
    put('text-long.kernels', 0, 0, { kernels }, { batchSize: 8 });
    const html = textOf(pairsOf(results));
    expect(html).toMatch(
      /not trained with kernels yet, which needs an NVIDIA GPU[^:]*<\/strong>: text-primal</,
    );
    expect(html).toMatch(/trained with kernels alone<\/strong>: text-long</);
    expect(html).not.toContain('<figure');
    expect(textOf([])).toContain('no run has a result yet');
  });

  it('of one seed each have a difference without a standard error', () => {
    put('text-primal', 0, 0);
    put('text-primal.kernels', 0, 0.01, { kernels });
    const [pair] = pairsOf(results);
    expect(accuraciesOf(pair, 'lastCheckpoint')).toEqual({
      ...{ without: { ours: 50 }, with: { ours: 51 }, difference: expect.closeTo(1, 9) },
    });
    expect(textOf([pair])).toContain('needs two seeds of each');
  });

  it('that logged other steps are an error', () => {
    put('text-primal', 0, 0);
    put('text-primal.seed1', 1, 0);
    writeFileSync(join(results, 'text-primal.seed1', 'metrics.jsonl'), '');
    expect(() => curveOf(pairsOf(results)[0].without, 'loss')).toThrow(
      /text-primal\.seed1 logged other steps/,
    );
  });
});

it('the page is made of the committed results', () => {
  const pairs = pairsOf(committedFolder());
  const html = textOf(pairs);
  for (const { run } of pairs) expect(html).toContain(run);
});
