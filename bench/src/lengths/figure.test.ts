import { renderSvg } from '@primal-attention/notebook';
import { describe, expect, test } from 'vitest';
import { entryOf, failureOf, lineOf } from '../testing/line-of.js';
import { lengthsFigure } from './figure.js';

const tokens = 131_072;
const lengths = [1024, 2048, 4096, 8192, 16384];
const lines = (['primal', 'softmax'] as const).flatMap((mechanism) =>
  (['off', 'on'] as const).flatMap((kernels) =>
    lengths.map((length) => {
      const entry = entryOf('xla', kernels, { mechanism, length, batch: tokens / length });
      const ms = (kernels === 'on' ? 1 : 3) * (mechanism === 'primal' ? 1 : length / 512);
      return lineOf(entry, ms);
    }),
  ),
);

describe('lengthsFigure', () => {
  test('has both quantities, a line for each program, kernels solid', () => {
    const { data } = lengthsFigure([...lines].reverse());
    expect(data.map(({ name, xaxis, line }) => [name, xaxis, (line as { dash: string }).dash])).toEqual(
      ['x', 'x2'].flatMap((axis) => [
        ['Primal, kernels', axis, 'solid'],
        ['Primal', axis, 'dash'],
        ['softmax, kernels', axis, 'solid'],
        ['softmax', axis, 'dash'],
      ]),
    );
    expect(data[0].x).toEqual(lengths);
    expect(data[2].y).toEqual(lengths.map((length) => length / 512));
    expect(data[4].y).toEqual(lengths.map(() => 2 ** -10));
  });

  test('a failure is a gap, what is not of one kind is refused', () => {
    const longest = entryOf('xla', 'off', { mechanism: 'softmax', length: 16384, batch: 8 });
    const rest = lines.filter(
      (line) => !(line.length === 16384 && line.mechanism === 'softmax' && line.kernels === 'off'),
    );
    const { data } = lengthsFigure([...rest, failureOf(longest, 'out of memory')]);
    expect(data[3].x).toEqual(lengths.slice(0, 4));
    expect(() => lengthsFigure([...lines, lineOf(entryOf('xla', 'off'), 1)])).toThrow(
      /one kind, got 131072 tokens, bf16 and 4096 tokens, bf16/,
    );
    expect(() => lengthsFigure([failureOf(longest, 'out of memory')])).toThrow(/no line has times/);
  });

  test('labels of the axis below stand apart from each other', () => {
    const svg = renderSvg(lengthsFigure(lines));
    const ticks = [...svg.matchAll(/class="x2?tick"><text[^>]*translate\(([\d.]+),0\)">([^<]*)</g)];
    expect(ticks.map(([, , text]) => text)).toEqual([
      '1K',
      '2K',
      '4K',
      '8K',
      '16K',
      '1K',
      '2K',
      '4K',
      '8K',
      '16K',
    ]);
    const places = ticks.map(([, x]) => Number(x));
    for (const panel of [places.slice(0, 5), places.slice(5)]) {
      for (const [i, x] of panel.slice(1).entries()) expect(x - panel[i]).toBeGreaterThan(30);
    }
  });
});
