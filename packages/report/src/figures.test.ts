import { describe, expect, it } from 'vitest';
import { compare } from './comparison/compare.js';
import { tableFigures } from './figures.js';
import { paperTable } from './paper/tables.js';
import { madeCells } from './testing/made-cells.js';

const lines = compare([madeCells()]);
const figuresOf = (key: string) =>
  tableFigures(
    paperTable(key),
    lines.filter(({ table }) => table === key),
  );

describe('tableFigures', () => {
  it('shows accuracies from zero, the paper and ours side by side, without averages', () => {
    const [{ figure, caption, alt }] = figuresOf('table3');
    const { data, layout } = figure;
    expect(data.map(({ name }) => name)).toEqual([
      ...['Trans., paper', 'Trans., ours', 'Primal., paper', 'Primal., ours'],
      ...['Primal.+Trans., paper', 'Primal.+Trans., ours'],
    ]);
    expect(data[2]).toMatchObject({ x: ['ListOps', 'Text', 'Retrieval', 'Image', 'Pathfinder'] });
    expect(data[2].y).toEqual([37.3, 61.2, 77.8, 43.0, 68.3]);
    expect(data[3].y).toEqual([37.2, 61.5, 77.7, 45.6, 68.5]);
    expect((layout.yaxis as { range: number[] }).range[0]).toBe(0);
    expect(caption).toContain('Tasks: 5 of 5 have results.');
    expect(alt).toContain('Primal. on Image: 45.6 %, paper 43.0 %');
  });

  it('shows a cell without the published protocol by what there is, and says so', () => {
    const table = lines
      .filter((line) => line.table === 'table3')
      .map((line) =>
        line.row === 'ListOps' ? { ...line, protocol: `${line.protocol}, brackets kept` } : line,
      );
    const [{ figure, caption }] = tableFigures(paperTable('table3'), table);
    expect(figure.data[3].y).toEqual(figuresOf('table3')[0].figure.data[3].y);
    expect(caption).toContain('full bars: ours (published; ListOps: published, brackets kept).');
  });

  it('shows costs of each column on a logarithmic scale, with every protocol and without what the paper lacks', () => {
    const figures = figuresOf('table4-time');
    expect(figures.length).toBe(1);
    const { data, layout } = figures[0].figure;
    expect((layout.yaxis as { type: string }).type).toBe('log');
    expect(data.map(({ name }) => name)).toEqual([
      'paper',
      'ours, tf32, training steps<br>only',
      'ours, bf16, training steps<br>only',
    ]);
    const models = data[0].x as string[];
    expect((data[0].y as unknown[])[models.indexOf('Trans. (fused)')]).toBeNull();
    expect((data[2].y as unknown[])[models.indexOf('Primal.')]).toBeCloseTo(2.05, 10);
  });

  it('groups the ablation by task, and makes none without results', () => {
    expect(figuresOf('table8')[0].figure.data[1]).toMatchObject({
      name: 'Primal. with r, ours',
      x: ['ListOps', 'Text', 'Retrieval', 'Image', 'Pathfinder'],
    });
    expect(figuresOf('table2')).toEqual([]);
  });
});
