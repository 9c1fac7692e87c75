import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Results } from './results.js';
import { lineOf, origin } from './testing/line-of.js';

let folder: string;
let path: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'efficiency-'));
  path = join(folder, 'lines.jsonl');
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('a file of results', () => {
  const lines = [lineOf({}, {}), lineOf({ model: 'Trans.' }, { failure: 'out of memory' })];

  test('has each line as soon as it is there, and says what is missing', () => {
    const first = new Results(path, origin);
    expect(existsSync(path)).toBe(false);
    for (const [i, line] of lines.entries()) {
      first.add(line);
      expect(readFileSync(path, 'utf8').split('\n')).toHaveLength(i + 2);
    }
    const second = new Results(path, origin);
    expect(second.lines).toEqual(lines);
    const other = { ...lines[0], precision: 'tf32' } as const;
    expect(second.missing([...lines, other])).toEqual([other]);
  });

  test('has lines from before there were kernels as those of the form without', () => {
    const { kernels: _, ...old } = lines[0];
    writeFileSync(path, `${JSON.stringify(old)}\n`);
    const results = new Results(path, origin);
    expect(results.missing([lines[0], { ...lines[0], kernels: 'on' }])).toEqual([
      { ...lines[0], kernels: 'on' },
    ]);
    results.add(lineOf({ kernels: 'on' }, {}));
    expect(new Results(path, origin).lines.map(({ kernels }) => kernels)).toEqual(['off', 'on']);
  });

  test('measures failures again when it is asked to, and nothing else', () => {
    const first = new Results(path, origin);
    for (const line of lines) first.add(line);
    const second = new Results(path, origin, true);
    expect(second.missing(lines)).toEqual([lines[1]]);
    second.add({ ...lineOf({ model: 'Trans.' }, {}) });
    expect(new Results(path, origin).lines.map(({ model }) => model)).toEqual(['Primal.', 'Trans.']);
  });

  test.each([
    ['commit', 'def'],
    ['modified', true],
    ['machine', 'another'],
    ['device', 'another'],
    ['seed', 1],
    ['stepsPerRead', 1],
    ['schedule', 'constant'],
  ])('is not mixed with lines of another %s', (field, value) => {
    new Results(path, origin).add(lines[0]);
    const before = readFileSync(path, 'utf8');
    expect(() => new Results(path, { ...origin, [field]: value })).toThrow(
      new RegExp(`holds results with ${field} .*they are not mixed. Name another file with --output`),
    );
    expect(readFileSync(path, 'utf8')).toBe(before);
  });
});
