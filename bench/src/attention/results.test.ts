import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type SavedLine, saveLines } from './results.js';
import { attentionTable } from './table.js';

const line = (
  mechanism: string,
  length: number,
  msOurs: number | null,
  msPeer: number | null = null,
): SavedLine =>
  ({
    ...{ mechanism, length, msOurs, msPeer, ratio: msOurs && msPeer && msOurs / msPeer },
    failures: msOurs === null ? { ours: 'out of memory\nat length' } : {},
    ...{ batch: 4, precision: 'float32', features: 64, heads: 2, device: 'cpu', machine: 'two cores' },
  }) as unknown as SavedLine;

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'primal-bench-test-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

describe('saveLines', () => {
  test('replaces the same mechanism and length, and keeps the others in the order of the settings', () => {
    const path = join(folder, 'results', 'attention.jsonl');
    saveLines(path, [line('primal', 256, 1), line('softmax', 1024, 9)]);
    saveLines(path, [line('softmax', 256, 3), line('primal', 256, 2)]);
    const saved = readFileSync(path, 'utf8').trim().split('\n');
    expect(saved.map((text) => JSON.parse(text) as SavedLine)).toEqual([
      line('softmax', 256, 3),
      line('primal', 256, 2),
      line('softmax', 1024, 9),
    ]);
  });
});

describe('attentionTable', () => {
  test('has the ratio, failures in a line, and the fastest that mixes tokens', () => {
    const table = attentionTable([
      line('softmax', 256, 30, 20),
      line('primal', 256, 2.5, 5),
      line('linear', 256, 4, 4),
      line('data-independent-primal', 256, 1, 1),
      line('yoso', 256, null, 7),
    ]);
    expect(table).toMatch(/^softmax +256 +30\.0 +20\.0 +1\.50$/m);
    expect(table).toMatch(/^yoso +256 +- +7\.000 +- +ours: out of memory$/m);
    expect(table).toContain(
      'N 256: the fastest is primal (2.500 ms), before linear (4.000 ms); data-independent-primal, which mixes no tokens, 1.000 ms',
    );
  });
});
