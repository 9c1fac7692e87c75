import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { entryOf, failureOf, lineOf } from '../testing/line-of.js';
import { readLines, saveLengths } from './files.js';
import { lengthsTable, table } from './table.js';

describe('the table of a comparison', () => {
  test('tells the forms apart, and says where no kernels ran', () => {
    const text = table([
      lineOf(entryOf('xla', 'on'), 1.5, { kernelsRefused: 'this device has none' }),
      lineOf(entryOf('xla', 'off'), 2.5),
      failureOf(entryOf('jax', null), 'out of memory'),
    ]);
    const lines = text.trim().split('\n');
    expect(lines[0]).toMatch(/^One training step, primal, N 1024, batch 4, bf16, 1 step a read/);
    expect(lines.slice(2).map((line) => line.split(/ {2,}/)[0])).toEqual([
      'xla+kernels',
      'xla',
      'xla+kernels: no kernels ran, but plain formulations: this device has none',
      'jax: failed, out of memory',
    ]);
    // Columns stand below each other.
    expect(new Set(lines.slice(1, 4).map(({ length }) => length)).size).toBe(1);
  });
});

describe('the table over N', () => {
  const at = (length: number, primal: number, softmax: number) => {
    const size = { length, batch: 4096 / length };
    return [
      lineOf(entryOf('xla', 'on', { ...size, mechanism: 'primal' }), primal, {
        ratioTo: 'primal xla+kernels',
      }),
      lineOf(entryOf('xla', 'on', { ...size, mechanism: 'softmax' }), softmax, { ratio: softmax / primal }),
    ];
  };

  test('has a column for each N, and a dash where something is missing', () => {
    const [, fails] = at(2048, 1, 1);
    const lines = [
      ...at(1024, 1.25, 2.5),
      at(2048, 1.5, 9)[0],
      failureOf(entryOf('xla', 'on', fails), 'too large'),
    ];
    const text = lengthsTable(lines);
    expect(text).toContain('One training step of 4096 tokens, bf16; a machine');
    expect(text).toMatch(
      /ms a step +N 1024 +N 2048\nprimal xla\+kernels +1\.25 +1\.50\nsoftmax xla\+kernels +2\.50 +-/,
    );
    expect(text).toMatch(/times primal xla\+kernels .*\n.*1\.00.*1\.00\n.*2\.00 +-/);
    expect(text).toContain('softmax xla+kernels, N 2048: failed, too large');
  });

  describe('in a file', () => {
    let folder: string;
    beforeEach(() => {
      folder = mkdtempSync(join(tmpdir(), 'lengths-'));
    });
    afterEach(() => rmSync(folder, { recursive: true }));

    test('grows by lengths, and a program at the same N takes the place of the one before', () => {
      const path = join(folder, 'lines.jsonl');
      saveLengths(path, at(2048, 1.5, 9));
      saveLengths(path, at(1024, 1.25, 2.5));
      saveLengths(path, at(2048, 1.4, 8).slice(0, 1));
      const times = readLines(path).map((line) => [
        line.length,
        line.mechanism,
        'msPerStep' in line && line.msPerStep,
      ]);
      expect(times).toEqual([
        [1024, 'primal', 1.25],
        [1024, 'softmax', 2.5],
        [2048, 'softmax', 9],
        [2048, 'primal', 1.4],
      ]);
    });

    test('lines from before there were kernels are of the form without', () => {
      const path = join(folder, 'lines.jsonl');
      writeFileSync(path, '{"backend":"xla","length":8}\n');
      expect(readLines(path)).toEqual([{ backend: 'xla', length: 8, kernels: 'off', kernelsRefused: null }]);
    });
  });
});
