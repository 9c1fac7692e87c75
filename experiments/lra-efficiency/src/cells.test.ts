import { describe, expect, test } from 'vitest';
import { cells, cellsOf } from './cells.js';
import type { CommittedResults } from './committed.js';
import type { Line } from './measurement.js';
import { paperRows, taskNames } from './settings.js';
import { lineOf } from './testing/line-of.js';

const file = (lines: Line[], card = 'NVIDIA Test'): CommittedResults => ({
  ...{
    name: 'efficiency-test',
    path: '/nowhere',
    source: `experiments/lra-efficiency/results/${card}.jsonl`,
  },
  ...{ lines, card },
});

describe('cells', () => {
  test('are time in seconds per 1,000 steps and memory in GB, with what a reader must know', () => {
    const lines = [
      lineOf({ model: 'Trans.' }, { msPerStep: 42.7, devicePeakBytes: 21e9 }),
      lineOf({ model: 'Trans. (fused)' }, { msPerStep: 10.25, devicePeakBytes: 0.98e9 }),
    ];
    const found = cellsOf([file(lines)]).cells;
    expect(found).toMatchObject([
      { table: 'table4-time', row: 'Trans.', column: 'Text', ours: 42.7, seeds: [0] },
      { table: 'table4-memory', row: 'Trans.', column: 'Text', ours: 21 },
      { table: 'table4-time', row: 'Trans. (fused)', column: 'Text', ours: 10.25 },
      { table: 'table4-memory', row: 'Trans. (fused)', column: 'Text', ours: 0.98 },
    ]);
    for (const { protocol, note, source } of found) {
      expect(protocol).toBe('bf16, training steps alone');
      expect(note).toMatch(/^NVIDIA Test; .*evaluations/);
      expect(source).toBe('experiments/lra-efficiency/results/NVIDIA Test.jsonl');
    }
  });

  test('of the form with kernels have a protocol of their own, and only where kernels ran', () => {
    const lines = [
      lineOf({}, { msPerStep: 3 }),
      lineOf({ kernels: 'on' }, { msPerStep: 2 }),
      lineOf({ kernels: 'on', task: 'ListOps', length: 2048 }, { kernelsRefused: 'this device has none' }),
    ];
    const found = cellsOf([file(lines)]).cells.filter(({ table }) => table === 'table4-time');
    expect(found.map(({ ours, protocol }) => [ours, protocol])).toEqual([
      [3, 'bf16, training steps alone'],
      [2, 'bf16, kernels, training steps alone'],
    ]);
  });

  test('a number of another size, program or part is none of the paper', () => {
    const lines = [
      lineOf({ length: 256 }, {}),
      lineOf({ batch: 2 }, {}),
      lineOf({ program: 'jax' }, {}),
      lineOf({ part: 'scaling' }, {}),
    ];
    expect(cellsOf([file(lines)]).cells).toEqual([]);
  });

  test('what is not there is missing, with the reason', () => {
    const { missing } = cellsOf([
      file([
        lineOf({ model: 'Trans.' }, { failure: 'out of memory' }),
        lineOf({ model: 'Re.' }, { devicePeakBytes: null }),
        lineOf({ model: 'YOSO-E' }, { failure: 'out of memory' }),
      ]),
    ]);
    // Of the paper's rows all but the time of Re., and both of YOSO-E.
    expect(missing).toHaveLength(2 * paperRows.length * taskNames.length - 1 + 2);
    const reason = (table: string, row: string) =>
      missing.find((cell) => cell.table === table && cell.row === row && cell.column === 'Text')?.reason;
    expect(reason('table4-time', 'Trans.')).toBe('bf16: out of memory');
    expect(reason('table4-time', 'YOSO-E')).toBe('bf16: out of memory');
    expect(reason('table4-memory', 'Re.')).toBe('the device does not count its memory');
    expect(reason('table4-time', 'Re.')).toBeUndefined();
    expect(reason('table4-time', 'Primal.')).toMatch(/^not measured yet/);
  });

  test('of two cards are told apart, and of one card twice refused', () => {
    const line = lineOf({}, {});
    const protocols = cellsOf([file([line], 'A'), file([line], 'B')]).cells.map(({ protocol }) => protocol);
    expect(new Set(protocols)).toEqual(
      new Set(['bf16, training steps alone, A', 'bf16, training steps alone, B']),
    );
    expect(() => cellsOf([file([line]), file([line])])).toThrow(/both have Primal\. on Text/);
  });

  test('of the committed results can be made', () => {
    const { cells: found, missing } = cells();
    const places = new Set(
      [...found, ...missing].map(({ table, row, column }) => `${table} ${row} ${column}`),
    );
    expect(places.size).toBeGreaterThanOrEqual(2 * paperRows.length * taskNames.length);
  });
});
