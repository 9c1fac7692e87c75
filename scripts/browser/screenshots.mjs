#!/usr/bin/env node
// Screenshots of notebooks in JupyterLab, light and dark.
//
//   node scripts/browser/screenshots.mjs [NAME.ipynb …]   whole notebooks as they are committed, in report/screenshots
//   node scripts/browser/screenshots.mjs --docs           the pictures of the READMEs, in docs/pictures and packages/notebook/pictures
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { launchChromium } from '@primal-attention/chromium';
import { ROOT } from '../setup/workspace.mjs';
import { drawnShapes, pointsOf } from './figure-checks.mjs';
import { openNotebook } from './lab-page.mjs';
import { startLab } from './lab-server.mjs';

/** Pixels; Chromium draws nothing beyond 2^14. */
const MAX_HEIGHT = 16_000;

const args = process.argv.slice(2);
const forDocs = args.includes('--docs');
const asked = args.filter((arg) => arg.endsWith('.ipynb')).map((arg) => arg.split('/').at(-1));
const unknown = args.filter((arg) => arg !== '--docs' && !arg.endsWith('.ipynb'));
if (unknown.length > 0) {
  console.error(`Not understood: ${unknown.join(' ')}\nscreenshots.mjs [--docs] [NAME.ipynb …]`);
  process.exit(2);
}

const all = readdirSync(join(ROOT, 'notebooks')).filter((name) => name.endsWith('.ipynb'));
const folder = mkdtempSync(join(tmpdir(), 'primal-notebooks-'));
symlinkSync(join(ROOT, 'notebooks'), join(folder, 'notebooks'), 'junction');
const browser = await launchChromium();
try {
  if (forDocs) await kindsOfFigures();
  for (const theme of ['light', 'dark']) {
    const lab = await startLab({ folder, theme });
    try {
      const context = await browser.newContext({
        viewport: { width: 1240, height: 800 },
        colorScheme: theme,
      });
      if (forDocs) await docsPicture(context, lab, theme);
      else for (const name of asked.length > 0 ? asked : all) await wholeNotebook(context, lab, theme, name);
      await context.close();
    } finally {
      await lab.stop();
    }
  }
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}

/** One picture of all of a notebook, or several, one below the other, where it is higher than pictures may be. */
async function wholeNotebook(context, lab, theme, name) {
  const notebook = await openNotebook(context, lab, `notebooks/${name}`);
  const { page } = notebook;
  await notebook.hideSideBar();
  const panel = page.locator('.jp-NotebookPanel-notebook .jp-WindowedPanel-outer');
  /** Pixels between the lower edges of what is shown and of the last cell; JupyterLab scrolls beyond that. */
  const below = () =>
    panel.evaluate((node) => {
      const last = [...node.querySelectorAll('.jp-Notebook-cell')].at(-1);
      return Math.ceil(last.getBoundingClientRect().bottom - node.getBoundingClientRect().bottom);
    });
  // As high as it takes to scroll no more: what a cell takes is known once it is laid out.
  let height = 1000;
  for (let hidden = height; hidden > 0; ) {
    await page.setViewportSize({ width: 1100, height });
    await settled(page);
    hidden = height < MAX_HEIGHT ? await below() : 0;
    height = Math.min(height + hidden, MAX_HEIGHT);
  }
  const path = join('report', 'screenshots', name.replace('.ipynb', ''));
  await save(page, `${path}-${theme}.png`);
  for (let part = 2; (await below()) > 0; part++) {
    await panel.evaluate((node) => node.scrollBy(0, node.clientHeight));
    await settled(page);
    await save(page, `${path}-${theme}-${part}.png`);
  }
  await notebook.close();
}

/** The quickstart's figure of singular values, with the label of a point. */
async function docsPicture(context, lab, theme) {
  const notebook = await openNotebook(context, lab, 'notebooks/quickstart.ipynb');
  const { page } = notebook;
  await notebook.hideSideBar();
  const cells = await notebook.cells();
  const index = cells.findIndex(({ source }) => source.includes('spectrumFigure(runs, 1)'));
  if (index < 0)
    throw new Error('screenshots: the quickstart has no cell with spectrumFigure(runs, 1) any more');
  await notebook.runTo(index);
  const figure = notebook.outputArea(index).locator('.jp-RenderedPlotly').last();
  await figure.scrollIntoViewIfNeeded();
  const { x, y } = await figure.locator('img.plot-img').boundingBox();
  await page.mouse.move(x + 200, y + 4);
  await figure.locator('.main-svg').first().waitFor();
  await settled(page);
  const [[left, top]] = pointsOf(await drawnShapes(figure));
  await page.mouse.move(left - 3, top - 3);
  await page.mouse.move(left, top, { steps: 3 });
  await figure.locator('.hovertext').first().waitFor();
  await save(page, join('docs', 'pictures', `quickstart-${theme}.png`));
  await notebook.close();
}

/** One figure of each kind, on a white and on a dark page. */
async function kindsOfFigures() {
  const drawings = join(ROOT, 'packages', 'notebook', 'src', 'fixtures');
  const rows = [
    ['#ffffff', 300, ['line-bands', 'bar-log-std', 'scatter-log']],
    ['#111111', 380, ['heatmap-attention', 'grid-lines', 'heatmap-labels']],
  ];
  const page = await browser.newPage({ viewport: { width: 1440, height: 680 } });
  const cell = (name) => {
    const svg = readFileSync(join(drawings, `${name}.svg`)).toString('base64');
    return `<img src="data:image/svg+xml;base64,${svg}">`;
  };
  const row = ([color, height, names]) =>
    `<div style="background: ${color}; height: ${height}px">${names.map(cell).join('')}</div>`;
  await page.setContent(
    `<style>
       body { margin: 0 }
       div { display: flex; align-items: center; justify-content: space-evenly }
       img { max-width: 470px; max-height: 350px }
     </style>${rows.map(row).join('')}`,
  );
  await settled(page);
  await save(page, join('packages', 'notebook', 'pictures', 'figures.png'));
  await page.close();
}

/** Fonts are there, and nothing moves any more. */
async function settled(page) {
  await page.evaluate(() => document.fonts.ready.then(() => {}));
  await page.waitForTimeout(1500);
}

async function save(page, file) {
  const path = join(ROOT, file);
  mkdirSync(join(path, '..'), { recursive: true });
  await page.screenshot({ path });
  console.log(relative(ROOT, path));
}
