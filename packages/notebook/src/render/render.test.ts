import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JSDOM } from 'jsdom';
import { afterAll, describe, expect, it } from 'vitest';
import { type Figure, heatmapFigure, lineFigure, renderPng, renderSvg, writeFigure } from '../index.js';
import { exampleFigures } from '../testing/example-figures.js';
import { seriesColors } from '../theme.js';
import { type Box, bounds, parseTransform } from './bounds.js';
import { fontOptions, resvg, textWidth } from './fonts.js';

const jsdom = createRequire(import.meta.url)('jsdom') as { JSDOM: typeof JSDOM };

function parse(svg: string): Element {
  return new jsdom.JSDOM(svg, { contentType: 'image/svg+xml' }).window.document.documentElement;
}

/** RGBA bytes of the drawing at one pixel to a CSS pixel. */
function pixels(svg: string): { width: number; height: number; rgba: Uint8Array } {
  const image = new (resvg())(svg, { font: fontOptions }).render();
  return { width: image.width, height: image.height, rgba: image.pixels };
}

/** The box of all opaque pixels of about that colour. */
function colorBox(
  { width, height, rgba }: ReturnType<typeof pixels>,
  color: string,
): Box & { count: number } {
  const wanted = [1, 3, 5].map((at) => Number.parseInt(color.slice(at, at + 2), 16));
  const box = { left: width, top: height, right: -1, bottom: -1, count: 0 };
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const at = 4 * (y * width + x);
      if (rgba[at + 3] < 250 || wanted.some((value, c) => Math.abs(value - rgba[at + c]) > 3)) continue;
      box.left = Math.min(box.left, x);
      box.right = Math.max(box.right, x);
      box.top = Math.min(box.top, y);
      box.bottom = Math.max(box.bottom, y);
      box.count++;
    }
  }
  return box;
}

describe.each(Object.keys(exampleFigures))('%s', (name) => {
  const figure = exampleFigures[name]();
  const svg = renderSvg(figure);

  it('is the drawing that was looked at', async () => {
    await expect(`${svg}\n`).toMatchFileSnapshot(`../fixtures/${name}.svg`);
  });

  it('has all its text, inside the drawing and not over one another', () => {
    const root = parse(svg);
    const texts = Array.from(root.querySelectorAll('text')).filter((text) => text.textContent?.trim());
    const shown = texts.map((text) => text.textContent);
    const titleOf = (key: string) => (figure.layout[key] as { title: { text: string } }).title.text;
    const axes = Object.keys(figure.layout).filter((key) => /^[xy]axis\d*$/.test(key));
    // Between panels that share an axis it has no title.
    const titles = axes.map(titleOf).filter((text) => text !== '');
    expect(titles.length).toBeGreaterThanOrEqual(2);
    titles.push((figure.layout.title as { text: string }).text);
    titles.push(...((figure.layout.annotations ?? []) as { text: string }[]).map(({ text }) => text));
    const legend = figure.layout.showlegend
      ? figure.data.filter((trace) => trace.showlegend !== false).map((trace) => String(trace.name))
      : [];
    for (const expected of [...titles, ...legend]) {
      expect(shown).toContain(
        expected
          .replaceAll('<br>', '')
          .replaceAll('&lt;', '<')
          .replaceAll('&gt;', '>')
          .replaceAll('&amp;', '&'),
      );
    }
    const { width, height } = figure.layout;
    const boxes = texts.map((text) => bounds(text)!);
    boxes.forEach((box, i) => {
      const inside = box.left >= 0 && box.top >= 0 && box.right <= width && box.bottom <= height;
      expect(inside, `${shown[i]} at ${JSON.stringify(box)}`).toBe(true);
      boxes.slice(0, i).forEach((other, j) => {
        const apart =
          box.right <= other.left ||
          other.right <= box.left ||
          box.bottom <= other.top ||
          other.bottom <= box.top;
        expect(apart, `${shown[i]} over ${shown[j]}`).toBe(true);
      });
    });
  });

  it('is a PNG of its size with every series in it, and nothing cut off at its edges', () => {
    const png = Buffer.from(renderPng(figure));
    expect(png.subarray(0, 8)).toEqual(Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'));
    const { width, height } = figure.layout;
    expect([png.readUInt32BE(16), png.readUInt32BE(20)]).toEqual([width, height]);
    expect(png.subarray(-8, -4).toString('latin1')).toBe('IEND');

    const image = pixels(svg);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) {
        if (x > 0 && y > 0 && x < width - 1 && y < height - 1) continue;
        expect(image.rgba[4 * (y * width + x) + 3], `pixel ${x}, ${y}`).toBe(0);
      }
    }
    const colors = figure.data.map((trace) => {
      const marker = trace.marker as { color?: string; line?: { color?: string } } | undefined;
      return ((trace.line ?? marker?.line ?? marker) as { color?: string } | undefined)?.color;
    });
    for (const color of new Set(colors.filter((value) => value !== undefined))) {
      const box = colorBox(image, color);
      expect(box.count, `${color} can be seen`).toBeGreaterThan(50);
      expect(box.right - box.left, `${color} spreads over the figure`).toBeGreaterThan(width / 4);
    }
  });
});

describe('renderSvg', () => {
  const straight = (change: { width?: number } = {}): Figure => {
    const range: [number, number] = [0, 10];
    const figure = lineFigure({
      title: 't',
      x: { title: 'x', range },
      y: { title: 'y', range },
      series: [{ name: 'a', x: [0, 10], y: [0, 10] }],
    });
    return { ...figure, layout: { ...figure.layout, width: change.width ?? figure.layout.width } };
  };

  it('puts data where the axes say', () => {
    const svg = renderSvg(straight());
    const plot = parse(svg).querySelector('clipPath.axesclip[id$=xy] rect')!;
    const [left, top, width, height] = ['x', 'y', 'width', 'height'].map((key) =>
      Number(plot.getAttribute(key)),
    );
    const box = colorBox(pixels(svg), seriesColors[0]);
    // From the lower left to the upper right corner; the markers stand out by half their size.
    expect(Math.abs(box.left - left)).toBeLessThan(4);
    expect(Math.abs(box.right - (left + width))).toBeLessThan(4);
    expect(Math.abs(box.top - top)).toBeLessThan(4);
    expect(Math.abs(box.bottom - (top + height))).toBeLessThan(4);
    expect(width).toBeGreaterThan(550);
    expect(height).toBeGreaterThan(280);
  });

  it('draws each cell of a heat map in its place and colour', () => {
    const figure = heatmapFigure({
      title: 't',
      x: { title: 'x' },
      y: { title: 'y' },
      values: [
        [-1, 0, Number.NaN],
        [0, 0, 1],
      ],
      color: { title: 'z', diverging: true },
    });
    const svg = renderSvg(figure);
    const plot = parse(svg).querySelector('clipPath.axesclip[id$=xy] rect')!;
    const [left, top, width, height] = ['x', 'y', 'width', 'height'].map((key) =>
      Number(plot.getAttribute(key)),
    );
    const image = pixels(svg);
    const at = (row: number, column: number): number[] => {
      const x = Math.round(left + ((column + 0.5) / 3) * width);
      const y = Math.round(top + ((row + 0.5) / 2) * height);
      return Array.from(image.rgba.subarray(4 * (y * image.width + x), 4 * (y * image.width + x) + 4));
    };
    const opaque = (color: string): number[] => [
      ...[1, 3, 5].map((from) => Number.parseInt(color.slice(from, from + 2), 16)),
      255,
    ];
    expect(at(0, 0)).toEqual(opaque(seriesColors[0]));
    expect(at(1, 2)).toEqual(opaque(seriesColors[1]));
    expect(at(1, 0)).toEqual(opaque('#f0f0f0'));
    expect(at(0, 2)[3]).toBe(0);
  });

  it('leaves the figure as it was, and no trace in the next drawing', () => {
    const figure = straight();
    const before = structuredClone(figure);
    const first = renderSvg(figure);
    renderSvg(straight({ width: 300 }));
    expect(renderSvg(figure)).toBe(first);
    expect(figure).toEqual(before);
  });

  it('breaks long names, so that the plot keeps its room', () => {
    const name = 'Primal.+Trans. with the kernel matrix of theorem 3.2 and not that of the figure';
    const series = ['a', name].map((one) => ({ name: one, y: [1, 2] }));
    const root = parse(renderSvg(lineFigure({ title: 't', x: { title: 'x' }, y: { title: 'y' }, series })));
    const legend = Array.from(root.querySelectorAll('.legend text'));
    expect(legend[1].textContent?.replaceAll(' ', '')).toBe(name.replaceAll(' ', ''));
    for (const text of legend) expect(bounds(text)!.right).toBeLessThan(720);
    const plot = root.querySelector('clipPath.axesclip[id$=xy] rect')!;
    expect(Number(plot.getAttribute('width'))).toBeGreaterThan(400);
  });

  it('draws empty and all-NaN figures', () => {
    const x = { title: 'x' };
    const empty = lineFigure({ title: 't', x, y: x, series: [] });
    const diverged = lineFigure({
      title: 't',
      x,
      y: x,
      series: [{ name: 'a', y: [Number.NaN, Number.NaN] }],
    });
    for (const figure of [empty, diverged]) expect(parse(renderSvg(figure)).tagName).toBe('svg');
  });

  it('refuses what it cannot draw', () => {
    const figure = { ...straight(), data: [{ type: 'violin', y: [1] }] } as unknown as Figure;
    expect(() => renderSvg(figure)).toThrow("renderSvg: traces of type 'violin' cannot be drawn here");
    expect(() => renderPng(straight(), { scale: 0 })).toThrow('renderPng: scale 0 needs a number in (0, 10]');
  });
});

describe('text', () => {
  it('is as wide as its letters, blanks included', () => {
    const style = { size: 20, bold: false, italic: false };
    // Advance widths from the font's own table, in 2048ths: H 1540, i 569, blank 651.
    expect(textWidth('H', style)).toBeCloseTo((1540 / 2048) * 20, 3);
    expect(textWidth('Hi', style)).toBeCloseTo(((1540 + 569) / 2048) * 20, 3);
    expect(textWidth(' i ', style)).toBeCloseTo(((569 + 2 * 651) / 2048) * 20, 3);
    expect(textWidth('', style)).toBe(0);
    expect(textWidth('Hi', { ...style, bold: true })).toBeGreaterThan(textWidth('Hi', style));
  });

  it('has its box under all transforms', () => {
    const root = parse(
      `<svg xmlns="http://www.w3.org/2000/svg"><g transform="translate(100,50)" style="font-size: 20px">
        <text x="10" y="20" text-anchor="end">H</text><text transform="rotate(-90,5,5)" x="5" y="5">H</text></g></svg>`,
    );
    const [plain, rotated] = Array.from(root.querySelectorAll('text'), (text) => bounds(text)!);
    const width = (1540 / 2048) * 20;
    expect(plain.right).toBeCloseTo(110, 6);
    expect(plain.left).toBeCloseTo(110 - width, 3);
    expect([plain.top, plain.bottom].map(Math.round)).toEqual([51, 75]);
    // Upwards from (105, 55).
    expect(rotated.bottom).toBeCloseTo(55, 6);
    expect(rotated.top).toBeCloseTo(55 - width, 3);
    expect(parseTransform('translate(1,2) scale(3)')).toEqual([3, 0, 0, 3, 1, 2]);
    expect(() => parseTransform('skewX(3)')).toThrow("transform 'skewX' is not supported");
  });
});

describe('writeFigure', () => {
  const folder = mkdtempSync(join(tmpdir(), 'figure-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  const figure = exampleFigures['bar-labels']();

  it('writes each form, in folders that it makes', () => {
    for (const ending of ['svg', 'png', 'json']) writeFigure(figure, join(folder, 'a', `figure.${ending}`));
    expect(readdirSync(join(folder, 'a')).sort()).toEqual(['figure.json', 'figure.png', 'figure.svg']);
    expect(readFileSync(join(folder, 'a', 'figure.svg'), 'utf8')).toBe(renderSvg(figure));
    expect(JSON.parse(readFileSync(join(folder, 'a', 'figure.json'), 'utf8'))).toEqual(figure);
    expect(readFileSync(join(folder, 'a', 'figure.png')).readUInt32BE(16)).toBe(1440);
  });

  it('leaves what was there when it fails', () => {
    const path = join(folder, 'kept.svg');
    writeFileSync(path, 'old');
    const bad = { ...figure, data: [{ type: 'pie' }] } as unknown as Figure;
    expect(() => writeFigure(bad, path)).toThrow("'pie'");
    expect(readFileSync(path, 'utf8')).toBe('old');
    expect(() => writeFigure(figure, join(folder, 'figure.gif'))).toThrow(
      "ends in '.gif', which is none of .svg, .png and .json",
    );
    expect(existsSync(join(folder, 'figure.gif'))).toBe(false);
    expect(readdirSync(folder).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});
