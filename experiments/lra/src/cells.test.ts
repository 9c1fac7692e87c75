import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cells } from './cells.js';
import type { RunConfig } from './config.js';
import type { RunSummary } from './summary.js';
import { smallConfig } from './testing/small.js';

let results: string;
beforeEach(() => {
  results = mkdtempSync(join(tmpdir(), 'lra-cells-'));
});
afterEach(() => {
  rmSync(results, { recursive: true });
});

function put(
  id: string,
  config: object,
  published: number,
  last: number,
  further?: number,
  kernels?: RunSummary['kernels'],
): void {
  mkdirSync(join(results, id));
  const more = { accuracy: further, samples: 20_000 };
  const accuracy = {
    ...{ published: { accuracy: published }, lastCheckpoint: { accuracy: last } },
    ...(further !== undefined && { further: { published: more, lastCheckpoint: more } }),
  };
  const summary = { id, config, accuracy, provenance: { device: 'card' }, kernels };
  writeFileSync(join(results, id, 'summary.json'), JSON.stringify(summary));
}

const config = (task: RunConfig['task'], change: object = {}) =>
  smallConfig(task, { precision: 'tf32', ...change });
const common = { table: 'table3', column: 'Primal.+Trans.' };

it('gives both protocols of each result, mean and deviation over seeds, and what is missing', () => {
  // A setting that results of November 2026 have makes no difference.
  put('text-primal-trans', config('Text', { seed: 0, needsGpu: true }), 0.6, 0.5);
  put('text-primal-trans.seed1', config('Text', { seed: 1 }), 0.7, 0.7);
  put('text-primal-trans.seed2', config('Text', { seed: 2 }), 0.8, 0.6);
  const { cells: found, missing } = cells(results);
  const both = {
    ...{ ...common, row: 'Text', seeds: [0, 1, 2], note: 'tf32, card' },
    source: 'experiments/lra/results/text-primal-trans/summary.json',
    sources: ['', '.seed1', '.seed2'].map(
      (seed) => `experiments/lra/results/text-primal-trans${seed}/summary.json`,
    ),
  };
  expect(found).toEqual([
    {
      ...{ ...both, protocol: 'published' },
      ...{ ours: expect.closeTo(70, 10), deviation: expect.closeTo(10, 10) },
    },
    {
      ...{ ...both, protocol: 'last checkpoint' },
      ...{ ours: expect.closeTo(60, 10), deviation: expect.closeTo(10, 10) },
    },
  ]);
  expect(missing).toHaveLength(5 * 9 - 1);
  expect(missing[0]).toEqual({
    ...{ table: 'table3', row: 'ListOps', column: 'Trans.', reason: 'not trained yet: it needs a GPU' },
  });
});

it('makes lines of what is not as published, and takes no seed of one for the other', () => {
  const listOps = (closing: string, change: object = {}) => {
    const base = config('ListOps', change);
    return { ...base, data: { ...base.data, closing } };
  };
  const {
    closing: _,
    further: __,
    ...older
  } = config('ListOps').data as { closing?: string; further?: object };
  put('listops-primal-trans', { ...config('ListOps', { seed: 0 }), data: older }, 0.35, 0.34);
  put('listops-primal-trans.seed1', listOps('kept', { seed: 1 }), 0.37, 0.36, 0.33);
  put('listops-primal-trans.seed1.float32', listOps('kept', { seed: 1, precision: 'float32' }), 0.3, 0.3);
  put('listops-primal-trans-dropped', listOps('dropped', { seed: 0 }), 0.4, 0.4);
  put('text-primal-trans.float32', config('Text', { precision: 'float32' }), 0.6, 0.6);
  const held = { ...config('Text'), data: { dev: { share: 0.1, seed: 0 } } };
  put('text-primal-trans-held-out', held, 0.5, 0.5);
  const { cells: found, missing } = cells(results);
  const lines = found
    .filter(({ protocol }) => protocol.startsWith('published'))
    .map(({ row, protocol, ours, seeds }) => [row, protocol, Number(ours.toFixed(6)), seeds]);
  expect(lines.sort()).toEqual(
    [
      ['ListOps', 'published, brackets kept', 36, [0, 1]],
      ['ListOps', 'published, brackets kept, float32', 30, [1]],
      ['ListOps', 'published', 40, [0]],
      ['Text', 'published, float32', 60, [1]],
      ['Text', 'published, dev held out', 50, [1]],
    ].sort(),
  );
  expect(missing).toHaveLength(5 * 9 - 2);
  const further = found.filter(({ protocol }) => protocol.includes('samples'));
  expect(further.map(({ protocol, ours, seeds }) => [protocol, ours, seeds])).toEqual([
    ['best on dev, 20,000 samples, brackets kept', 33, [1]],
    ['last checkpoint, 20,000 samples, brackets kept', 33, [1]],
  ]);
});

it('keeps runs with kernels apart from the seeds without', () => {
  const session = { device: 'card', calls: 6, launches: { primal: '64 tokens x 8, 4 warps' } };
  for (const seed of [0, 1])
    put(`text-primal-trans.seed${seed}`, config('Text', { seed }), 0.6 + seed / 10, 0.5);
  for (const seed of [0, 1]) {
    const settings = config('Text', { seed, kernels: true });
    put(`text-primal-trans.seed${seed}.kernels`, settings, 0.8, 0.7, undefined, [session]);
  }
  const choice = { primal: '64 tokens x 8, 4 warps' };
  put('text-fixed', config('Text', { seed: 0, kernels: { choice } }), 0.9, 0.8, undefined, [session]);
  const drawn = { kernels: true, dropoutDraw: 'products' };
  put('text-primal-trans.kernels.products', config('Text', { ...drawn, seed: 1 }), 0.7, 0.6, undefined, [
    session,
  ]);
  put('text-drawn', config('Text', { dropoutDraw: 'products' }), 0.5, 0.4);
  const lines = cells(results).cells.map(({ protocol, ours, seeds, note }) => [
    protocol,
    Number(ours.toFixed(6)),
    seeds,
    note,
  ]);
  const note = 'tf32, card; GPU kernels of our own';
  expect(lines).toEqual([
    ['published, dropout by products', 50, [1], 'tf32, card'],
    ['last checkpoint, dropout by products', 40, [1], 'tf32, card'],
    ['published, with kernels at given launches, attention dropout by products', 90, [0], note],
    ['last checkpoint, with kernels at given launches, attention dropout by products', 80, [0], note],
    ['published, with kernels, dropout by products', 70, [1], note],
    ['last checkpoint, with kernels, dropout by products', 60, [1], note],
    ['published', 65, [0, 1], 'tf32, card'],
    ['last checkpoint', 50, [0, 1], 'tf32, card'],
    ['published, with kernels, attention dropout by products', 80, [0, 1], note],
    ['last checkpoint, with kernels, attention dropout by products', 70, [0, 1], note],
  ]);
});

it('reads the committed results', () => {
  const { cells: found, missing } = cells();
  const places = new Set(found.map(({ row, column }) => `${row} ${column}`));
  expect(places.size + missing.length).toBe(5 * 9);
  for (const { ours, source } of found) {
    expect(ours).toBeGreaterThan(0);
    expect(source).toMatch(/^experiments\/lra\/results\/[\w.-]+\/summary\.json$/);
  }
  // What was trained with kernels before their dropout could draw by products.
  const older = found.filter(({ protocol }) => protocol === 'published, with kernels');
  expect(older).toMatchObject([{ row: 'Text', column: 'Primal.', seeds: [0, 1, 2] }]);
  const lines = found.map(({ row, column, protocol }) => `${row} ${column} ${protocol}`);
  expect(new Set(lines).size).toBe(lines.length);
});
