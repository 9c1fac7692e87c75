/** The notebooks as a person has them: JupyterLab in a browser. `npm test -- --only browser` sets everything up and runs this. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { launchChromium } from '@primal-attention/chromium';
import { ROOT } from '../setup/workspace.mjs';
import { checkFigure, checkPicture, figuresOf } from './figure-checks.mjs';
import { openNotebook } from './lab-page.mjs';
import { startLab } from './lab-server.mjs';
import { makeNotebook } from './made-notebook.mjs';

const NOTEBOOK_MS = 240_000;
const notebooks = readdirSync(join(ROOT, 'notebooks')).filter((name) => name.endsWith('.ipynb'));

let folder;
let lab;
let browser;
let context;
/** What pages asked of any but this machine. */
const outside = [];

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'primal-notebooks-'));
  mkdirSync(join(folder, 'made'));
  symlinkSync(join(ROOT, 'notebooks'), join(folder, 'notebooks'), 'junction');
  browser = await launchChromium();
  context = await browser.newContext({ viewport: { width: 1400, height: 1000 } });
  await context.route(
    ({ protocol, hostname }) => protocol.startsWith('http') && hostname !== '127.0.0.1',
    (route) => {
      outside.push(route.request().url());
      return route.abort();
    },
  );
  lab = await startLab({ folder, env: { PRIMAL_QUICK: '1' } });
});

after(async () => {
  await browser?.close();
  await lab?.stop();
  rmSync(folder, { recursive: true, force: true });
});

async function opened(path, check) {
  const notebook = await openNotebook(context, lab, path);
  try {
    await check(notebook);
  } finally {
    await notebook.close();
  }
}

async function made(name, cells, check) {
  makeNotebook(join(folder, 'made'), name, cells);
  await opened(`made/${name}`, check);
}

/** What a person reads below a cell. */
// biome-ignore lint/performance/useDomNodeTextContent: as it is laid out, with its lines
const readable = async (notebook, index) => (await notebook.outputArea(index).innerText()).trim();

describe('every notebook', () => {
  for (const name of notebooks) {
    it(`${name} runs from its first cell to its last, and its figures are drawn and answer`, async () => {
      const before = readFileSync(join(ROOT, 'notebooks', name), 'utf8');
      await opened(`notebooks/${name}`, async (notebook) => {
        await notebook.runAll(NOTEBOOK_MS);
        const cells = await notebook.cells();
        for (const { type, source, executionCount, outputs } of cells) {
          if (type !== 'code' || source.trim() === '') continue;
          const errors = outputs.filter(({ output_type }) => output_type === 'error');
          assert.deepEqual(
            errors.map(({ evalue }) => evalue),
            [],
            source,
          );
          assert.notEqual(executionCount, null, `was run: ${source}`);
        }
        for (const [index, cell] of cells.entries()) await checkOutputs(notebook, name, index, cell);
      });
      // Nothing was saved.
      assert.equal(readFileSync(join(ROOT, 'notebooks', name), 'utf8'), before);
    });
  }

  it('asks nothing of the network', () => assert.deepEqual(outside, []));
});

async function checkOutputs(notebook, name, index, cell) {
  const area = notebook.outputArea(index);
  const place = `${name}, cell ${index + 1}`;
  const drawn = area.locator('.jp-RenderedPlotly');
  const figures = figuresOf(cell);
  assert.equal(await drawn.count(), figures.length, `${place}: its figures are on the page`);
  for (const [i, figure] of figures.entries()) {
    await checkFigure(notebook.page, drawn.nth(i), figure, `${place}, '${figure.layout.title.text}'`);
  }
  const pictures = area.locator('.jp-RenderedImage img');
  for (let i = 0; i < (await pictures.count()); i++)
    await checkPicture(pictures.nth(i), `${place}: picture ${i + 1}`);
  // A table or a text that takes no room is not seen.
  const html = area.locator('.jp-RenderedHTMLCommon');
  for (let i = 0; i < (await html.count()); i++) {
    const { height } = await html.nth(i).boundingBox();
    assert.ok(height > 10, `${place}: a table ${height} pixels high`);
  }
}

describe('every kind of figure', () => {
  it('is drawn and answers', async () => {
    const cells = [
      "import { barFigure, gridFigure, heatmapFigure, scatterFigure, show } from '@primal-attention/notebook';",
      `const causal = Array.from({ length: 12 }, (_, i) => Array.from({ length: 12 }, (_, j) => (j <= i ? 1 / (i + 1) : NaN)));
const head = (title: string) =>
  heatmapFigure({ title, x: { title: 'Key' }, y: { title: 'Query' }, values: causal, color: { title: 'Weight' }, square: true });
show(head('Attention'));
show(gridFigure({ title: 'Heads', panels: ['first', 'second', 'third'].map(head) }));`,
      `show(scatterFigure({
  title: 'Time against memory',
  x: { title: 'Time', unit: 'ms', log: true },
  y: { title: 'Memory', unit: 'GiB', log: true },
  series: [{ name: 'all', x: [5, 20, 60], y: [0.1, 1, 9], labels: ['Primal', 'Performer', 'softmax'], yStd: [0.01, 0.1, 1] }],
}));
show(barFigure({
  title: 'Memory',
  x: { title: 'N' },
  y: { title: 'Memory', unit: 'GiB' },
  categories: ['1K', '2K'],
  series: [{ name: 'softmax', values: [4, 16], std: [1, 2] }, { name: 'Primal', values: [2, 4] }],
}));`,
    ];
    await made('figures.ipynb', cells, async (notebook) => {
      await notebook.runAll(NOTEBOOK_MS);
      const cells = await notebook.cells();
      assert.deepEqual(
        cells.map((cell) => figuresOf(cell).length),
        [0, 2, 2],
      );
      for (const [index, cell] of cells.entries()) await checkOutputs(notebook, 'figures', index, cell);
    });
  });
});

describe('an error in a cell', () => {
  it('is short: the message, and the lines of the reader’s own cells', async () => {
    const cells = [
      "import { createAttention } from '@primal-attention/attention';\nlet kept = 41;",
      "function layer(heads: number) {\n  return createAttention('primal', { heads, rank: -1, landmarks: 4 });\n}",
      '\nlayer(2);',
      'const wrong: string = kept;',
      'console.log(kept + 1);',
    ];
    await made('errors.ipynb', cells, async (notebook) => {
      for (const index of [0, 1]) await notebook.run(index);
      await notebook.run(2);
      const thrown = await readable(notebook, 2);
      assert.match(thrown, /rank/);
      assert.match(thrown, /at layer \(cell 2, line 2\)/);
      assert.match(thrown, /at cell 3, line 2/);
      assert.ok(thrown.split('\n').length <= 10, thrown);
      assert.doesNotMatch(thrown, /node:|tslab|primal-typescript|file:/);
      assert.ok(!thrown.includes(ROOT), thrown);

      await notebook.run(3);
      const compile = await readable(notebook, 3);
      assert.match(compile, /line 1, column 7: Type 'number' is not assignable to type 'string'/);
      assert.ok(compile.split('\n').length <= 4, compile);

      await notebook.run(4);
      assert.equal(await readable(notebook, 4), '42');
    });
  });
});

describe('a training that is interrupted', () => {
  it('ends, says so, and leaves the kernel with its variables', async () => {
    const cells = [
      `import { notebookProgress } from '@primal-attention/notebook';
import { startEngine } from '@primal-attention/engines';
import { RAdam, train } from '@primal-attention/training';
import * as tf from '@tensorflow/tfjs';
const engine = await startEngine();
let kept = 41;
const w = tf.variable(tf.zeros([8, 1]));
const x = Float32Array.from({ length: 64 * 8 }, (_, i) => Math.sin(i));
const y = Float32Array.from({ length: 64 }, (_, i) => Math.cos(i));
const fit = (epochs: number) =>
  train({
    variables: { w },
    optimizer: new RAdam({ learningRate: 1e-3 }),
    loss: ({ x, y }: { x: tf.Tensor; y: tf.Tensor }) => ({
      loss: tf.losses.meanSquaredError(y, tf.squeeze(tf.matMul(x as tf.Tensor2D, w as tf.Tensor2D), [1])) as tf.Scalar,
    }),
    data: { x: { data: x, shape: [64, 8] }, y: { data: y, shape: [64] } },
    batchSize: 16,
    epochs,
    seed: 1,
    progress: notebookProgress(),
  });`,
      'await fit(10_000_000);',
      'console.log(kept + 1, (await w.data()).some((value) => value !== 0));',
      'const after = await fit(2);\nconsole.log(after.history.length > 0);',
    ];
    await made('interrupt.ipynb', cells, async (notebook) => {
      await notebook.run(0);
      await notebook.start(1);
      // It is under way when its progress is shown.
      await notebook.outputArea(1).locator('progress').waitFor({ timeout: 60_000 });
      await notebook.page.waitForTimeout(1000);
      await notebook.command('notebook:interrupt-kernel');
      await notebook.ended(1, 20_000);
      assert.match(await readable(notebook, 1), /Interrupted: the cell was interrupted/);
      await notebook.run(2);
      assert.equal(await readable(notebook, 2), '42 true');
      await notebook.run(3);
      assert.match(await readable(notebook, 3), /true$/);
    });
  });
});
