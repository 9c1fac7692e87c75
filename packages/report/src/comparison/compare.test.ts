import type { Cell } from '@primal-attention/experiment';
import { describe, expect, it } from 'vitest';
import { madeCells } from '../testing/made-cells.js';
import { compare } from './compare.js';
import type { Comparison } from './comparison.js';
import { summarize, summaryLine } from './summary.js';

const cell: Cell = {
  table: 'table1',
  row: 'JapaneseVowels',
  column: 'Primal.',
  ours: 97.5676,
  seeds: [666],
  protocol: 'published',
  source: 'experiments/uea/results/x/summary.json',
};

function at(lines: readonly Comparison[], table: string, row: string, column: string): Comparison[] {
  return lines.filter((line) => line.table === table && line.row === row && line.column === column);
}

describe('compare', () => {
  it('sets a cell beside the paper’s', () => {
    const [line] = at(compare([{ cells: [cell], missing: [] }]), 'table1', 'JapaneseVowels', 'Primal.');
    expect(line).toMatchObject({
      unit: '%',
      ours: 97.5676,
      paper: 98.4,
      // As printed: 97.6 - 98.4.
      difference: -0.8,
      verdict: 'within',
      seeds: [666],
      protocol: 'published',
      source: cell.source,
      sources: [cell.source],
      reason: null,
    });
    // Wilson's interval of 0.984 of 370: 0.9654 to 0.9927; widened by half a printed digit.
    expect(line.range![0]).toBeCloseTo(96.54 - 0.05, 1);
    expect(line.range![1]).toBeCloseTo(99.27 + 0.05, 1);
  });

  it('tells better from worse by what the numbers measure', () => {
    const verdict = (place: Partial<Cell>) => {
      const made = { ...cell, ...place };
      return at(compare([{ cells: [made], missing: [] }]), made.table, made.row, made.column)[0].verdict;
    };
    expect(verdict({ ours: 99.7 })).toBe('better');
    expect(verdict({ ours: 95 })).toBe('worse');
    expect(verdict({ row: 'SpokenArabicDigits', ours: 99.9 })).toBe('within');
    expect(verdict({ row: 'SpokenArabicDigits', ours: 98.9 })).toBe('worse');
    // Two printed deviations: 111.5 +- 0.4, and half a digit.
    const hopper = { table: 'table5', row: 'Medium-Expert Hopper', column: 'Primal.+DT' };
    expect(verdict({ ...hopper, ours: 111.06 })).toBe('within');
    expect(verdict({ ...hopper, ours: 111.0 })).toBe('worse');
    // Nothing is known about the spread of a time.
    expect(verdict({ table: 'table4-time', row: 'Primal.', column: 'Text', ours: 4 })).toBeNull();
  });

  it('has every cell of every table, with a reason where there is no result', () => {
    const lines = compare([]);
    expect(lines.length).toBe(384);
    expect(lines.every(({ ours, reason }) => ours === null && reason)).toBe(true);
    expect(at(lines, 'table5', 'Medium Hopper', 'DT')[0].reason).toBe('D4RL is not at hand');
    const missing = { table: 'table1', row: 'PEMS-SF', column: 'Primal.', reason: 'its files are elsewhere' };
    expect(at(compare([{ cells: [], missing: [missing] }]), 'table1', 'PEMS-SF', 'Primal.')).toMatchObject([
      { ours: null, paper: 89.6, reason: 'its files are elsewhere' },
    ]);
  });

  it('names all result files of a cell over several seeds', () => {
    const sources = [cell.source, 'experiments/uea/results/x.seed1/summary.json'];
    const made = { ...cell, seeds: [666, 1], sources };
    const [line] = at(compare([{ cells: [made], missing: [] }]), 'table1', 'JapaneseVowels', 'Primal.');
    expect(line).toMatchObject({ source: cell.source, sources });
  });

  it('keeps protocols apart, the published one first', () => {
    const last = { ...cell, protocol: 'last epoch', ours: 90 };
    const lines = at(compare([{ cells: [last, cell], missing: [] }]), 'table1', 'JapaneseVowels', 'Primal.');
    expect(lines.map(({ protocol, ours }) => [protocol, ours])).toEqual([
      ['published', 97.5676],
      ['last epoch', 90],
    ]);
  });

  it('averages what is there as a whole, and repeats Table 3 in Table 8', () => {
    const lines = compare([madeCells()]);
    const [average] = at(lines, 'table3', 'average', 'Primal.');
    expect(average).toMatchObject({
      protocol: 'published',
      source: null,
      sources: [],
      note: 'mean of 5 cells',
      seeds: [0],
    });
    expect(average.ours).toBeCloseTo((37.2 + 61.5 + 77.7 + 45.6 + 68.5) / 5, 10);
    expect(at(lines, 'table1', 'average', 'Primal.')).toMatchObject([
      { ours: null, reason: 'an average of 10 cells, of which 3 have results' },
    ]);
    expect(at(lines, 'table8', 'Primal. with r', 'Image')[0]).toMatchObject({ ours: 45.6, paper: 43.0 });
    expect(at(lines, 'table8', 'Primal. with r', 'average')[0].ours).toBeCloseTo(average.ours!, 10);
    expect(at(lines, 'table8', 'Primal. without r', 'Image')[0].ours).toBeNull();
  });

  it('shows rows that the paper does not have where they have results or reasons', () => {
    const lines = compare([madeCells()]);
    expect(at(lines, 'table4-time', 'Trans. (fused)', 'Text')[0]).toMatchObject({ ours: 12.4, paper: null });
    expect(lines.some(({ row, table }) => row === 'YOSO-E' && table === 'table4-time')).toBe(false);
    const failed = { table: 'table4-time', row: 'YOSO-E', column: 'Text', reason: 'out of memory' };
    const [line] = at(compare([{ cells: [], missing: [failed] }]), 'table4-time', 'YOSO-E', 'Text');
    expect(line).toMatchObject({ ours: null, paper: null, reason: 'out of memory' });
  });

  it.each<[string, Partial<Cell>, RegExp]>([
    ['table', { table: 'table01' }, /unknown table 'table01'; the paper has table1, table2/],
    ['row', { row: 'JapaneseVowel' }, /no row 'JapaneseVowel'; it has EthanolConcentration,/],
    ['column', { column: 'Primal' }, /no column 'Primal'; it has Trans\., Linear/],
    ['average', { row: 'average' }, /averages are computed/],
    ['number', { ours: Number.NaN }, /ours is NaN/],
  ])('refuses a cell with a wrong %s, by its name and file', (_, change, message) => {
    const made = { ...cell, ...change };
    const report = () => compare([{ cells: [made], missing: [] }]);
    expect(report).toThrow(message);
    expect(report).toThrow(`${made.table} / ${made.row} / ${made.column}`);
    expect(report).toThrow(cell.source);
  });

  it('refuses two cells for one protocol, and a result that is missing as well', () => {
    const twice = { ...cell, source: 'experiments/other/results/y.json' };
    expect(() =>
      compare([
        { cells: [cell], missing: [] },
        { cells: [twice], missing: [] },
      ]),
    ).toThrow(/y\.json is there already, from experiments\/uea\/results\/x\/summary\.json/);
    const { table, row, column } = cell;
    expect(() => compare([{ cells: [cell], missing: [{ table, row, column, reason: 'lost' }] }])).toThrow(
      /missing cell table1 \/ JapaneseVowels \/ Primal\. \('lost'\) has a result as well/,
    );
    expect(() =>
      compare([{ cells: [], missing: [{ table, row: 'Nowhere', column, reason: 'lost' }] }]),
    ).toThrow(/no row 'Nowhere'/);
  });
});

describe('the summary', () => {
  it('counts cells by their first protocol', () => {
    const last = { ...cell, protocol: 'last epoch', ours: 90 };
    const time = { ...cell, table: 'table4-time', row: 'Primal.', column: 'Text', protocol: 'bf16', ours: 4 };
    const added = { ...time, row: 'Trans. (fused)' };
    const lines = compare([{ cells: [last, cell, time, added], missing: [] }]);
    expect(summarize(lines)).toEqual({
      cells: 384,
      withResults: 2,
      verdicts: { within: 1, better: 0, worse: 0, 'no range': 1 },
      additions: 1,
    });
    expect(summaryLine(lines)).toBe(
      "cells: 2 with results of 384; 1 within the paper's range, 0 better, 0 worse, 1 without a range; 1 that the paper does not have",
    );
  });
});
