import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { launchChromium } from '@primal-attention/chromium';
import type { AxeResults, RunOptions } from 'axe-core';
import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compare } from '../comparison/compare.js';
import { reportFiles } from '../report-files.js';
import { madeCells } from '../testing/made-cells.js';

const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const folder = mkdtempSync(join(tmpdir(), 'report-'));
const path = join(folder, 'report', 'index.html');
/** Three accuracy tables, two of costs, one of scores, one of perplexities; Table 8 repeats Table 3. */
const figureCount = 7;

let browser: Browser;
beforeAll(async () => {
  mkdirSync(join(folder, 'report'));
  for (const [name, text] of Object.entries(reportFiles(compare([madeCells()])))) {
    writeFileSync(join(folder, 'report', name), text);
  }
  browser = await launchChromium();
});
afterAll(async () => {
  await browser?.close();
  rmSync(folder, { recursive: true });
});

/** Opens the page without a network, gives it to `use`, and fails if it asked for anything or complained. */
async function open(options: BrowserContextOptions, use: (page: Page) => Promise<void>): Promise<void> {
  const context = await browser.newContext({ offline: true, ...options });
  const faults: string[] = [];
  try {
    const page = await context.newPage();
    page.on('request', (request) => {
      const url = request.url();
      if (url !== pathToFileURL(path).href && !url.startsWith('data:')) faults.push(`asked for ${url}`);
    });
    page.on('pageerror', (error) => faults.push(error.message));
    page.on('console', (message) => {
      if (message.type() !== 'log' && message.type() !== 'info') faults.push(message.text());
    });
    await page.goto(pathToFileURL(path).href);
    await use(page);
  } finally {
    await context.close();
  }
  expect(faults).toEqual([]);
}

async function figuresReady(page: Page): Promise<void> {
  await page.waitForFunction(
    (count) => document.querySelectorAll('figure.chart.ready').length === count,
    figureCount,
  );
}

describe('the report in Chromium', () => {
  it('is one file of less than 4 MiB', () => {
    expect(statSync(path).size).toBeLessThan(4 * 2 ** 20);
  });

  it('draws its bars to scale and needs no network', async () => {
    await open({ viewport: { width: 1280, height: 900 } }, async (page) => {
      await figuresReady(page);
      const live = page.locator('#table3 ~ figure.chart .live').first();
      // Image: the paper's 43.0 and our 45.6, of Primal.
      const heights = await live.evaluate((element) =>
        [...element.querySelectorAll('.barlayer .trace')].map((trace) =>
          [...trace.querySelectorAll('.point path')].map((bar) => bar.getBoundingClientRect().height),
        ),
      );
      expect(heights.length).toBe(6);
      expect(heights[0].length).toBe(5);
      expect(heights[3][3] / heights[2][3]).toBeCloseTo(45.6 / 43.0, 1);
      expect(heights[3][2] / heights[3][0]).toBeCloseTo(77.7 / 37.2, 1);
      expect(heights[0][0]).toBeGreaterThan(50);
      // Drawn in their colours: the middle of our first bar is the theme's blue.
      const bar = live.locator('.barlayer .trace').nth(1).locator('.point path').first();
      expect(await bar.evaluate((element) => getComputedStyle(element).fill)).toBe('rgb(0, 114, 178)');
    });
  });

  it('answers hovering with the value', async () => {
    await open({ viewport: { width: 1280, height: 900 } }, async (page) => {
      await figuresReady(page);
      const live = page.locator('#table3 ~ figure.chart .live').first();
      await live.scrollIntoViewIfNeeded();
      const box = (await live
        .locator('.barlayer .trace')
        .nth(3)
        .locator('.point path')
        .nth(3)
        .boundingBox())!;
      await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
      await live.locator('.hoverlayer .hovertext').waitFor();
      const text = await live.locator('.hoverlayer').textContent();
      expect(text).toContain('Image');
      expect(text).toContain('Primal., ours: 45.6 %');
    });
  });

  it.each([
    ['on a desk', { viewport: { width: 1280, height: 900 } }],
    ['in the dark', { viewport: { width: 1280, height: 900 }, colorScheme: 'dark' }],
    ['on a telephone', { viewport: { width: 390, height: 844 } }],
  ] satisfies [string, BrowserContextOptions][])(
    'has no fault that axe finds, and does not spread, %s',
    async (_, options) => {
      await open(options, async (page) => {
        await figuresReady(page);
        await page.addScriptTag({ path: axe });
        const { violations, passes } = await page.evaluate(() =>
          (globalThis as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } }).axe.run({
            resultTypes: ['violations', 'passes'],
          }),
        );
        expect(
          violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).slice(0, 3)}`),
        ).toEqual([]);
        expect(passes.map(({ id }) => id)).toContain('color-contrast');
        expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(options.viewport.width);
        // Figures keep to the room that there is.
        for (const width of await page
          .locator('.live .main-svg')
          .evaluateAll((drawings) => drawings.map((drawing) => drawing.getBoundingClientRect().width))) {
          expect(width).toBeLessThanOrEqual(options.viewport.width);
        }
      });
    },
  );

  it('has room on a telephone for what stands beside the names of rows, and for the parts of a figure', async () => {
    const viewport = { width: 390, height: 844 };
    await open({ viewport }, async (page) => {
      await figuresReady(page);
      const names = await page
        .locator('tbody th')
        .evaluateAll((all) => all.map((name) => name.getBoundingClientRect().width));
      expect(Math.max(...names)).toBeLessThanOrEqual(viewport.width / 2);
      const overlaps = await page.locator('.live').evaluateAll((figures) =>
        figures.flatMap((figure) => {
          const parts = [...figure.querySelectorAll('.gtitle, .legend, .bglayer, .xtick, .xtitle')]
            .map((part) => ({ kind: part.classList[0], box: part.getBoundingClientRect() }))
            .filter(({ box }) => box.width > 0);
          const inOrder = ['gtitle', 'legend', 'bglayer', 'xtick', 'xtitle'].map((kind) =>
            parts.filter((part) => part.kind === kind).map(({ box }) => box),
          );
          // From top to bottom: the lowest end of each kind of part is above the highest beginning of the next.
          const there = inOrder.filter((boxes) => boxes.length > 0);
          return there.slice(1).map((boxes, i) => {
            const above = Math.max(...there[i].map(({ bottom }) => bottom));
            return above - Math.min(...boxes.map(({ top }) => top));
          });
        }),
      );
      expect(overlaps.length).toBeGreaterThan(figureCount);
      // Letters end a little above their boxes.
      expect(Math.max(...overlaps)).toBeLessThan(3);
    });
  });

  it('shows figures and tables without scripts', async () => {
    await open({ javaScriptEnabled: false }, async (page) => {
      const stills = page.locator('figure.chart img.still');
      expect(await stills.count()).toBe(figureCount);
      expect(await stills.first().isVisible()).toBe(true);
      expect((await stills.first().boundingBox())!.height).toBeGreaterThan(300);
      expect(await page.locator('figure.chart .live').count()).toBe(0);
    });
  });

  it('prints its still figures, and tables as wide as the paper', async () => {
    await open({ viewport: { width: 1280, height: 900 } }, async (page) => {
      await figuresReady(page);
      // A4, landscape, less its margins.
      await page.setViewportSize({ width: 1017, height: 688 });
      await page.emulateMedia({ media: 'print' });
      expect(await page.locator('img.still').first().isVisible()).toBe(true);
      expect(await page.locator('.live').first().isVisible()).toBe(false);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(1017);
      const pdf = await page.pdf({ preferCSSPageSize: true });
      expect(pdf.subarray(0, 5).toString()).toBe('%PDF-');
    });
  });

  it('links to result files and to places that are there', async () => {
    await open({}, async (page) => {
      const links = await page
        .locator('a')
        .evaluateAll((all) => all.map((link) => link.getAttribute('href')!));
      for (const href of links.filter((each) => each.startsWith('#'))) {
        expect(await page.locator(`[id="${href.slice(1)}"]`).count(), href).toBe(1);
      }
      expect(links).toContain('../experiments/made/results/table3.jsonl');
      const ids = await page.locator('[id]').evaluateAll((all) => all.map(({ id }) => id));
      expect(new Set(ids).size).toBe(ids.length);
    });
  });
});
