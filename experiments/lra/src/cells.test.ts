import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { cells } from './cells.js';
import { smallConfig } from './testing/small.js';

let results: string;
beforeEach(() => {
  results = mkdtempSync(join(tmpdir(), 'lra-cells-'));
});
afterEach(() => {
  rmSync(results, { recursive: true });
});

function put(id: string, seed: number, published: number, last: number): void {
  mkdirSync(join(results, id));
  const accuracy = { published: { accuracy: published }, lastCheckpoint: { accuracy: last } };
  const provenance = { device: 'card' };
  const config = smallConfig('Text', { seed });
  writeFileSync(join(results, id, 'summary.json'), JSON.stringify({ id, config, accuracy, provenance }));
}

it('gives both protocols of each result, the mean over seeds, and what is missing', () => {
  put('text-primal-trans', 0, 0.6, 0.5);
  put('text-primal-trans-seed1', 1, 0.7, 0.7);
  const { cells: found, missing } = cells(results);
  const common = {
    ...{ table: 'table3', row: 'Text', column: 'Primal.+Trans.', seeds: [0, 1], note: 'float32, card' },
    source: 'experiments/lra/results/text-primal-trans/summary.json',
  };
  expect(found).toEqual([
    { ...common, protocol: 'published', ours: expect.closeTo(65, 10) },
    { ...common, protocol: 'last checkpoint', ours: expect.closeTo(60, 10) },
  ]);
  expect(missing).toHaveLength(5 * 9 - 1);
  expect(missing[0]).toEqual({
    ...{ table: 'table3', row: 'ListOps', column: 'Trans.', reason: 'not trained yet: it needs a GPU' },
  });
});

it('reads the committed results', () => {
  const { cells: found, missing } = cells();
  expect(found.length / 2 + missing.length).toBe(5 * 9);
  for (const { ours, source } of found) {
    expect(ours).toBeGreaterThan(0);
    expect(source).toMatch(/^experiments\/lra\/results\/[\w-]+\/summary\.json$/);
  }
});
