import { describe, expect, it } from 'vitest';
import { barFigure, type Figure, gridFigure, heatmapFigure, lineFigure, scatterFigure } from './index.js';
import { exampleFigures } from './testing/example-figures.js';
import { seriesColors, seriesStyle, textColor } from './theme.js';

const x = { title: 'Step' };
const y = { title: 'Loss', unit: 'nats' };

/** Through JSON as written to a notebook; JSON.parse takes neither NaN nor Infinity. */
function throughJson(figure: Figure): Figure {
  const parsed = JSON.parse(JSON.stringify(figure)) as Figure;
  // Nothing is lost or turned into null on the way.
  expect(parsed).toEqual(figure);
  return parsed;
}

describe.each(Object.keys(exampleFigures))('%s', (name) => {
  it('is the figure that was looked at', () => {
    expect(throughJson(exampleFigures[name]())).toMatchSnapshot();
  });
});

describe('lineFigure', () => {
  it('has gaps where values are not finite', () => {
    const figure = lineFigure({
      title: 'loss',
      x,
      y,
      series: [{ name: 'a', y: Float32Array.of(1, Number.NaN, 3, Number.POSITIVE_INFINITY) }],
    });
    const [line] = throughJson(figure).data;
    expect(line.y).toEqual([1, null, 3, null]);
    expect(line.x).toEqual([0, 1, 2, 3]);
    expect(line.connectgaps).toBe(false);
    // Both points stand alone: a line would show neither.
    expect(line.mode).toBe('lines+markers');
  });

  it('has gaps where a logarithmic axis has no place', () => {
    const figure = lineFigure({
      title: 'loss',
      x: { ...x, log: true, range: [1, 100] },
      y: { ...y, log: true },
      series: [{ name: 'a', x: [0, 1, 10, 100], y: [1, 0, -1, 10] }],
    });
    const { data, layout } = throughJson(figure);
    expect(data[0].x).toEqual([null, 1, 10, 100]);
    expect(data[0].y).toEqual([1, null, null, 10]);
    expect(layout.xaxis).toMatchObject({ type: 'log', range: [0, 2] });
    expect(layout.yaxis).toMatchObject({ type: 'log', title: { text: 'Loss (nats)' } });
  });

  it('is valid without points, and with none that can be shown', () => {
    const series = [
      { name: 'empty', y: [] },
      { name: 'diverged', y: new Float32Array(3).fill(Number.NaN), std: [1, 1, 1] },
    ];
    const { data } = throughJson(lineFigure({ title: 'loss', x, y, series }));
    const diverged = data.filter((trace) => String(trace.name).startsWith('diverged'));
    expect(diverged.map((trace) => trace.y)).toEqual([[], [null, null, null]]);
    expect(throughJson(lineFigure({ title: 'nothing', x, y, series: [] })).data).toEqual([]);
  });

  it('draws a band as one outline for each stretch without a gap', () => {
    const series = [{ name: 'a', y: [1, 2, Number.NaN, 4], std: [0.5, 1, 1, 2] }];
    const [band] = throughJson(lineFigure({ title: 'loss', x, y, series })).data;
    expect(band.x).toEqual([0, 1, 1, 0, null, 3, 3]);
    expect(band.y).toEqual([1.5, 3, 1, 0.5, null, 6, 2]);
  });

  it('keeps a band on a logarithmic axis, where its lower edge is not positive', () => {
    const series = [{ name: 'a', y: [4, 2], std: [1, 3] }];
    const [band] = throughJson(lineFigure({ title: 'loss', x, y: { ...y, log: true }, series })).data;
    expect(band.y).toEqual([5, 5, 2, 3]);
  });

  it('refuses series whose parts do not fit, and impossible ranges', () => {
    const with_ = (change: object) => () =>
      lineFigure({ title: 't', x, y, series: [{ name: 'a', y: [1, 2], ...change }] });
    expect(with_({ x: [1] })).toThrow("lineFigure: series 'a': x has 1 values, but y has 2");
    expect(with_({ std: [1, 2, 3] })).toThrow("series 'a': std has 3 values, but y has 2");
    const range: [number, number] = [0, 1];
    expect(() => lineFigure({ title: 't', x, y: { ...y, log: true, range }, series: [] })).toThrow(
      'lineFigure: y: range [0, 1] needs two different positive numbers',
    );
    expect(() => lineFigure({ title: 't', x: { ...x, range: [1, Number.NaN] }, y, series: [] })).toThrow(
      'lineFigure: x: range [1, NaN] needs two different finite numbers',
    );
  });

  it('takes text as text, not as HTML', () => {
    const series = [{ name: 'a < b & <i>c</i>', y: [1] }];
    const figure = lineFigure({ title: '<b>', x, y, series });
    expect(figure.data[0].name).toBe('a &lt; b &amp; &lt;i&gt;c&lt;/i&gt;');
    expect(figure.layout.title).toMatchObject({ text: '&lt;b&gt;' });
  });
});

describe('barFigure', () => {
  it('has no bar where a value is not finite', () => {
    const series = [{ name: 'a', values: [1, Number.NaN], std: [0.1, Number.NEGATIVE_INFINITY] }];
    const { data } = throughJson(barFigure({ title: 't', x, y, categories: ['p', 'q'], series }));
    expect(data[0].y).toEqual([1, null]);
    expect(data[0].error_y).toMatchObject({ array: [0.1, null] });
  });

  it('refuses values that do not fit the categories', () => {
    const options = { title: 't', x, y, categories: ['p', 'q'] };
    expect(() => barFigure({ ...options, series: [{ name: 'a', values: [1] }] })).toThrow(
      "barFigure: series 'a': values has 1 values, but categories has 2",
    );
  });
});

describe('heatmapFigure', () => {
  const color = { title: 'Weight' };
  const map = (change: object) => heatmapFigure({ title: 't', x, y, values: [[1, 2]], color, ...change });

  it('has holes where values are not finite, and a range of colours in every case', () => {
    const range = ({ data: [{ zmin, zmax }] }: Figure) => [zmin, zmax];
    const holes = throughJson(
      map({ values: [Float32Array.of(1, Number.NaN), [Number.POSITIVE_INFINITY, 4]] }),
    );
    expect(holes.data[0].z).toEqual([
      [1, null],
      [null, 4],
    ]);
    expect(range(holes)).toEqual([1, 4]);
    expect(range(throughJson(map({ values: [[Number.NaN]] })))).toEqual([0, 1]);
    expect(range(map({ values: [] }))).toEqual([0, 1]);
    expect(range(map({ values: [[3, 3]] }))).toEqual([2.5, 3.5]);
    expect(range(map({ values: [[-1, 3]], color: { ...color, diverging: true } }))).toEqual([-3, 3]);
    expect(range(map({ color: { ...color, range: [0, 9] } }))).toEqual([0, 9]);
  });

  it('has row 0 at the top', () => {
    const { layout } = map({ values: [[1], [2], [3]] });
    expect(layout.yaxis).toMatchObject({ range: [2.5, -0.5] });
    expect(layout.xaxis).toMatchObject({ range: [-0.5, 0.5] });
  });

  it('refuses what is no matrix, labels that do not fit, and ranges without a middle', () => {
    expect(() => map({ values: [[1, 2], [3]] })).toThrow(
      'heatmapFigure: row 1 has 1 values, but row 0 has 2',
    );
    expect(() => map({ x: { ...x, labels: ['a'] } })).toThrow('heatmapFigure: x: got 1 labels for 2 columns');
    expect(() => map({ x: { ...x, labels: ['a', 'a'] } })).toThrow("the label 'a' names two columns");
    expect(() => map({ y: { ...y, labels: [] } })).toThrow('heatmapFigure: y: got 0 labels for 1 rows');
    expect(() => map({ color: { ...color, range: [1, 1] } })).toThrow(
      'heatmapFigure: color: range [1, 1] needs',
    );
    const lopsided = { ...color, range: [-1, 2], diverging: true };
    expect(() => map({ color: lopsided })).toThrow('range [-1, 2] needs to reach as far below zero');
  });
});

describe('scatterFigure', () => {
  it('leaves out points that have no place', () => {
    const series = [{ name: 'a', x: [1, 0, Number.NaN, 4], y: [1, 2, 3, Number.POSITIVE_INFINITY] }];
    const { data } = throughJson(scatterFigure({ title: 't', x: { ...x, log: true }, y, series }));
    expect([data[0].x, data[0].y]).toEqual([
      [1, null, null, 4],
      [1, 2, 3, null],
    ]);
  });

  it('sets two labels that would cover each other apart', () => {
    const places = (xs: number[]): unknown =>
      scatterFigure({
        title: 't',
        x,
        y,
        series: [{ name: 'a', x: xs, y: [1, 1, 5], labels: ['softmax attention', 'Primal attention', 'c'] }],
      }).data[0].textposition;
    expect(places([1, 8, 9])).toEqual(['middle right', 'middle right', 'middle right']);
    expect(places([1, 1.2, 9])).not.toEqual(['middle right', 'middle right', 'middle right']);
  });

  it('sets a label beside a line that it would cover', () => {
    const place = (line: number[]): unknown =>
      scatterFigure({
        title: 't',
        x,
        y,
        series: [
          { name: 'a', x: [5], y: [5], labels: ['Primal attention'] },
          { name: 'b', x: [0, 5, 10], y: line, connected: true },
        ],
      }).data[0].textposition;
    expect(place([0, 0, 10])).toEqual(['middle right']);
    expect(place([0, 0, Number.NaN])).toEqual(['middle right']);
    expect(place([5, 5, 5])).toEqual(['top center']);
    expect(place([5, Number.NaN, 5])).toEqual(['middle right']);
  });

  it('refuses series whose parts do not fit', () => {
    const with_ = (change: object) => () =>
      scatterFigure({ title: 't', x, y, series: [{ name: 'a', x: [1, 2], y: [1, 2], ...change }] });
    expect(with_({ x: [1] })).toThrow("scatterFigure: series 'a': x has 1 values, but y has 2");
    expect(with_({ yStd: [1] })).toThrow("series 'a': yStd has 1 values, but y has 2");
    expect(with_({ labels: ['p'] })).toThrow("series 'a': got 1 labels for 2 points");
  });
});

describe('gridFigure', () => {
  const line = (title: string, unit = 'nats', names = ['a', 'b']): Figure =>
    lineFigure({
      title,
      x,
      y: { title: 'Loss', unit },
      series: names.map((name) => ({ name, y: [1, 2], std: [1, 1] })),
    });

  it('shares axes of one title, and entries of the legend', () => {
    const { data, layout } = throughJson(
      gridFigure({ title: 't', columns: 2, panels: [line('p'), line('q'), line('r')] }),
    );
    expect(layout.yaxis2).toMatchObject({ matches: 'y', showticklabels: false, title: { text: '' } });
    expect(layout.yaxis3).toMatchObject({ matches: 'y', title: { text: 'Loss (nats)' } });
    // Below the second panel there is none, so that it has the numbers of its own.
    expect(layout.xaxis).toMatchObject({ showticklabels: false });
    expect(layout.xaxis2).toMatchObject({ title: { text: 'Step' } });
    const entries = data
      .filter(({ showlegend }) => showlegend !== false)
      .map(({ name, xaxis }) => [name, xaxis]);
    expect(entries).toEqual([
      ['a', 'x'],
      ['b', 'x'],
    ]);
    // A band goes with its line.
    expect(data.filter(({ legendgroup }) => legendgroup === 'a')).toHaveLength(6);
  });

  it('leaves axes apart that show different things', () => {
    const { layout } = gridFigure({ title: 't', panels: [line('p'), line('q', 'bits')] });
    expect(layout.yaxis2).not.toHaveProperty('matches');
    expect(layout.yaxis2).toMatchObject({ title: { text: 'Loss (bits)' } });
    expect(layout.xaxis2).toMatchObject({ matches: 'x' });
  });

  it('gives all heat maps one scale of colours', () => {
    const map = (values: number[][], color = 'Weight') =>
      heatmapFigure({ title: 'm', x, y, values, color: { title: color } });
    const { data, layout } = throughJson(
      gridFigure({ title: 't', panels: [map([[0, 1]]), map([[-3, 0.5]])] }),
    );
    expect(layout.coloraxis).toMatchObject({ cmin: -3, cmax: 1 });
    for (const trace of data) expect(trace).toMatchObject({ coloraxis: 'coloraxis' });
    for (const trace of data) expect(trace).not.toHaveProperty('zmin');
    expect(() => gridFigure({ title: 't', panels: [map([[1]]), map([[1]], 'Score')] })).toThrow(
      'share one scale of colours',
    );
    expect(() => gridFigure({ title: 't', panels: [map([[1]]), line('p')] })).toThrow('need two figures');
  });

  it('refuses to be empty or too narrow', () => {
    expect(() => gridFigure({ title: 't', panels: [] })).toThrow('gridFigure: got no panels');
    expect(() => gridFigure({ title: 't', panels: [line('p')], columns: 0 })).toThrow(
      'columns 0 needs a whole number',
    );
    const many = Array.from({ length: 12 }, () => line('p'));
    expect(() => gridFigure({ title: 't', panels: many, columns: 12, width: 400 })).toThrow('have no room');
  });
});

describe('theme', () => {
  /** WCAG's contrast ratio of two colours. */
  function contrast(first: string, second: string): number {
    const [low, high] = [first, second].map(luminance).sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05);
  }

  function luminance(color: string): number {
    const [red, green, blue] = [1, 3, 5].map((at) => {
      const value = Number.parseInt(color.slice(at, at + 2), 16) / 255;
      return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
  }

  it('can be seen on a white page and on a dark one', () => {
    for (const page of ['#ffffff', '#111111']) {
      for (const color of seriesColors)
        expect(contrast(color, page), `${color} on ${page}`).toBeGreaterThan(3);
      expect(contrast(textColor, page), `text on ${page}`).toBeGreaterThan(4);
    }
  });

  it('has a look of its own for each of twelve series', () => {
    const looks = Array.from({ length: 12 }, (_, i) => JSON.stringify(seriesStyle(i)));
    expect(new Set(looks).size).toBe(12);
  });
});
