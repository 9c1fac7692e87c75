import { describe, expect, it } from 'vitest';
import { compare } from '../comparison/compare.js';
import { paperTable } from '../paper/tables.js';
import { madeCells } from '../testing/made-cells.js';
import { toCsv } from './csv.js';
import { toJson } from './json.js';
import { reportMarkdown, resultsMarkdown } from './markdown.js';
import { groupText, missingGroups } from './missing.js';
import { markedNotes, marksAt } from './notes.js';
import { signed } from './numbers.js';

const lines = compare([madeCells()]);

describe('CSV', () => {
  it('has a line for each cell and protocol, and quotes what needs it', () => {
    const rows = toCsv(lines).split('\r\n');
    expect(rows.length).toBe(lines.length + 2);
    expect(rows[0]).toBe(
      'table,row,column,unit,ours,ours_deviation,paper,deviation,difference,range_from,range_to,verdict,seeds,protocol,source,sources,note,reason',
    );
    expect(rows).toContain(
      'table4-time,Primal.,Text,s per 1K steps,4.1,,93.6,,-89.5,,,,0,"tf32, training steps only",experiments/made/results/table4-time.jsonl,experiments/made/results/table4-time.jsonl,on one made-up card,',
    );
    expect(rows.find((row) => row.startsWith('table5,Medium-Expert Hopper,Primal.+DT'))).toMatch(
      /,110\.9,0\.62,.*,1 2 3,published,/,
    );
    const quoted = toCsv([{ ...lines[0], reason: 'a "b",\nc' }]).split('\r\n')[1];
    expect(quoted.endsWith(',"a ""b"",\nc"')).toBe(true);
  });
});

describe('JSON', () => {
  it('is one array of all lines', () => {
    expect(JSON.parse(toJson(lines))).toEqual(lines);
  });
});

describe('Markdown', () => {
  it('of the results has the tables with results only', () => {
    const text = resultsMarkdown(lines);
    expect(text.match(/^## .*$/gm)).toEqual([
      '## Table 1: Time-series classification (UEA)',
      '## Table 3: Long Range Arena, accuracy',
      '## Table 4, time: Long Range Arena, training time',
      '## Table 4, memory: Long Range Arena, peak memory',
      '## Table 5: Offline reinforcement learning (D4RL)',
      '## Table 7b: Language modelling (WikiText-103)',
      '## Table 8: Ablation: with and without the scores r',
    ]);
    expect(text).toMatch(
      /\| JapaneseVowels +\| Primal\. +\| % +\| 97\.6 \| +98\.4 \| +−0\.8 \| 96\.5 to 99\.3/,
    );
    expect(resultsMarkdown(compare([]))).toBe('');
  });

  it('of the whole report has every table with notes, sources and reasons', () => {
    const text = reportMarkdown(lines);
    expect(text.match(/^## /gm)!.length).toBe(10);
    expect(text).toContain('77.8 ± 22.1 (b)');
    // Ours with its deviation over three seeds, in the table's shape and in its line.
    expect(text.match(/110\.9 ± 0\.6/g)).toHaveLength(2);
    expect(text).toContain('- PEMS-SF: Trans., Primal.: PEMS-SF is not at hand');
    expect(text).toMatch(/- .*Medium HalfCheetah.*: D4RL is not at hand/);
  });
});

describe('reasons', () => {
  it('name the cells that they hold for in few words', () => {
    const table = paperTable('table6');
    const own = compare([]).filter(({ table: key }) => key === 'table6');
    const groups = missingGroups(own);
    expect(groups.map((group) => groupText(table, group))).toEqual(['all cells']);
    const text = (cells: typeof own) => groupText(table, { reason: '', cells });
    expect(text(own.slice(0, 4))).toBe('DT, Flow.');
    expect(text(own.slice(0, 3))).toBe('DT; Flow.: Time');
    expect(text(own.filter(({ column }) => column === 'Time'))).toBe('all models: Time');
  });
});

describe('notes', () => {
  it('are marked at rows, columns and cells', () => {
    const notes = markedNotes(paperTable('table1'));
    expect(notes[0].mark).toBe('');
    expect(marksAt(notes, { column: 'Cos.' })).toBe('a,b');
    expect(marksAt(notes, { row: 'JapaneseVowels' })).toBe('e');
    expect(marksAt(notes, { row: 'SpokenArabicDigits', column: 'Primal.' })).toBe('c');
    expect(marksAt(notes, { row: 'SpokenArabicDigits', column: 'Cos.' })).toBe('');
  });
});

describe('signed', () => {
  it('has a sign unless it is zero as shown', () => {
    expect([0.5, -0.84, 0.04, -0.04, 0].map((value) => signed(value, 1))).toEqual([
      '+0.5',
      '−0.8',
      '0.0',
      '0.0',
      '0.0',
    ]);
  });
});
