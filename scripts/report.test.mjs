import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { experimentsIn, reportedCells } from './report/experiments.mjs';
import { ROOT } from './setup/workspace.mjs';

/** A checkout with the experiment `made`, whose built cells module has that text. */
function checkout(t, cells) {
  const root = mkdtempSync(join(tmpdir(), 'report-'));
  t.after(() => rmSync(root, { recursive: true }));
  const files = {
    'experiments/made/package.json': '{ "type": "module" }',
    'experiments/made/results/run/summary.json': '{}',
    'experiments/other/package.json': '{}',
    'experiments/no-package/notes.md': '',
    ...(cells && { 'experiments/made/dist/cells.js': cells }),
  };
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return root;
}

const cell = (source) =>
  `export const cells = () => ({ cells: [{ table: 'table1', row: 'Heartbeat', column: 'Primal.', ours: 76, seeds: [1], ` +
  `protocol: 'published', source: '${source}' }], missing: [] });`;

test('experiments are found by their folders', (t) => {
  assert.deepEqual(experimentsIn(checkout(t, cell('x'))), { reporting: ['made'], silent: ['other'] });
  assert.deepEqual(experimentsIn(checkout(t)), { reporting: [], silent: ['made', 'other'] });
});

test('cells are taken when their result files are there', async (t) => {
  const root = checkout(t, cell('experiments/made/results/run/summary.json'));
  assert.equal((await reportedCells(root, 'made')).cells[0].ours, 76);
});

test('a result file that is not there is an error that names it, its cell and its module', async (t) => {
  const root = checkout(t, cell('results/run/summary.json'));
  await assert.rejects(
    reportedCells(root, 'made'),
    /experiments\/made\/src\/cells\.ts.*table1 \/ Heartbeat \/ Primal\..*'results\/run\/summary\.json'/,
  );
});

test('so is one of several that is not there', async (t) => {
  const there = 'experiments/made/results/run/summary.json';
  const several = cell(`${there}', sources: ['${there}', 'results/lost.json'], note: '`);
  await assert.rejects(reportedCells(checkout(t, several), 'made'), /the result file 'results\/lost\.json'/);
});

test('a module of another form is an error that says the right one', async (t) => {
  await assert.rejects(reportedCells(checkout(t, 'export const cells = [];'), 'made'), /function cells\(\)/);
  await assert.rejects(
    reportedCells(checkout(t, 'export const cells = () => [];'), 'made'),
    /\{ cells: \[\.\.\.\], missing: \[\.\.\.\] \}/,
  );
});

test('pnpm report --json prints one array of cells and nothing else', () => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [join(ROOT, 'scripts', 'report.mjs'), '--json'],
    {
      cwd: ROOT,
      encoding: 'utf8',
      maxBuffer: 2 ** 26,
    },
  );
  assert.equal(status, 0, stderr);
  const lines = JSON.parse(stdout);
  const keys = [
    'table',
    'row',
    'column',
    'ours',
    'paper',
    'difference',
    'seeds',
    'protocol',
    'source',
    'sources',
    'reason',
  ];
  for (const line of lines) {
    for (const key of keys) assert.ok(key in line, `${key} in ${JSON.stringify(line)}`);
    // A result and its file, or the reason why there is none.
    assert.equal(line.ours === null, line.reason !== null);
  }
  const summary = 'experiments/uea/results/japanese-vowels-primal/summary.json';
  const { best } = JSON.parse(readFileSync(join(ROOT, summary), 'utf8')).accuracy;
  const place = { table: 'table1', row: 'JapaneseVowels', column: 'Primal.', protocol: 'published' };
  const found = lines.filter((line) => Object.entries(place).every(([key, value]) => line[key] === value));
  assert.equal(found.length, 1);
  assert.equal(found[0].source, summary);
  assert.equal(found[0].paper, 98.4);
  assert.ok(Math.abs(found[0].ours - 100 * best) < 1e-9);
});

test('an argument that is not known is an error', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'scripts', 'report.mjs'), '--jsn'], {
    encoding: 'utf8',
  });
  assert.equal(status, 2);
  assert.match(stderr, /--jsn/);
});
