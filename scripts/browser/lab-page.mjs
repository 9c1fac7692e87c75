/** A notebook open in JupyterLab in a browser, and what a test does to it. */
import { setTimeout as sleep } from 'node:timers/promises';

const OPEN_MS = 180_000;

/** Opens a notebook (its path below the server's folder) and waits for its kernel. */
export async function openNotebook(context, { url, token }, path) {
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  await page.goto(`${url}/lab/tree/${path}?token=${token}&reset`);
  await page.waitForFunction(
    (name) => {
      const widget = globalThis.jupyterapp?.shell.currentWidget;
      if (!widget?.context?.isReady || widget.context.path !== name) return false;
      return widget.sessionContext.session?.kernel?.status === 'idle';
    },
    path,
    { timeout: OPEN_MS, polling: 200 },
  );
  return new NotebookPage(page, path);
}

export class NotebookPage {
  constructor(page, path) {
    this.page = page;
    this.path = path;
  }

  /** Runs a command of JupyterLab, as its menus do, and waits for its end. */
  command(name, args = {}) {
    return this.page.evaluate(
      ([id, options]) => globalThis.jupyterapp.commands.execute(id, options),
      [name, args],
    );
  }

  /** Runs all cells. Throws, naming the cell, when that takes longer than `limit` milliseconds. */
  async runAll(limit) {
    const finished = await Promise.race([
      this.command('notebook:run-all-cells').then(() => true),
      sleep(limit, false, { ref: false }),
    ]);
    if (!finished) {
      const running = (await this.cells()).find(({ executing }) => executing);
      throw new Error(
        `${this.path}: not done after ${limit / 1000} s, in\n${running?.source ?? '(no cell)'}`,
      );
    }
  }

  /** Starts the n-th cell, and does not wait for it. */
  async start(index) {
    await this.page.evaluate((active) => {
      globalThis.jupyterapp.shell.currentWidget.content.activeCellIndex = active;
      void globalThis.jupyterapp.commands.execute('notebook:run-cell');
    }, index);
  }

  /** Waits until the n-th cell has run, and returns it. */
  async ended(index, limit = 60_000) {
    const deadline = Date.now() + limit;
    for (;;) {
      const cell = (await this.cells())[index];
      if (!cell.executing && cell.executionCount !== null) return cell;
      if (Date.now() > deadline)
        throw new Error(`${this.path}: cell ${index} still runs after ${limit / 1000} s`);
      await sleep(100);
    }
  }

  /** Runs the n-th cell and returns it. */
  async run(index, limit) {
    await this.start(index);
    await sleep(50);
    return this.ended(index, limit);
  }

  /** Runs all cells up to the n-th, with it. */
  async runTo(index) {
    await this.page.evaluate((active) => {
      globalThis.jupyterapp.shell.currentWidget.content.activeCellIndex = active;
    }, index + 1);
    await this.command('notebook:run-all-above');
  }

  /** Every cell as its model has it: `{ type, source, executing, executionCount, outputs }`. */
  cells() {
    return this.page.evaluate(() =>
      globalThis.jupyterapp.shell.currentWidget.content.widgets.map(({ model }) => ({
        type: model.type,
        source: model.sharedModel.getSource(),
        executing: ['running', 'scheduled'].includes(model.executionState),
        executionCount: model.executionCount ?? null,
        outputs: model.outputs?.toJSON() ?? [],
      })),
    );
  }

  /** What is on the page below the n-th cell. */
  outputArea(index) {
    return this.page.locator('.jp-Notebook .jp-Cell').nth(index).locator('.jp-Cell-outputArea');
  }

  /** Leaves the page to the notebook. */
  async hideSideBar() {
    const shown = await this.page.evaluate(() => !globalThis.jupyterapp.shell.leftCollapsed);
    if (shown) await this.command('application:toggle-left-area');
  }

  /** Ends the kernel, and closes the page without saving. */
  async close() {
    await this.page.evaluate(() => globalThis.jupyterapp.shell.currentWidget.sessionContext.shutdown());
    await this.page.close({ runBeforeUnload: false });
  }
}
