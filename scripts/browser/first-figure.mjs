#!/usr/bin/env node
// How long one waits for the first figure of the quickstart, in a browser.
//
//   node scripts/browser/first-figure.mjs [--warm] [SOURCE]    a newcomer, from `git clone` on
//   node scripts/browser/first-figure.mjs --again FOLDER       the next day, in a checkout that is set up
//
// SOURCE is what to clone, a folder or an address; by default this checkout, as it was committed. The clone and all caches (npm,
// pnpm, pip, compiled programs, data) are new; with --warm the caches are the user's own, as they are with --again.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { launchChromium } from '@primal-attention/chromium';
import { ROOT, userFolder } from '../setup/workspace.mjs';
import { openNotebook } from './lab-page.mjs';

const START_MS = 30 * 60_000;
const TOKEN = 'first-figure';

const USAGE = 'first-figure.mjs [--warm] [SOURCE]\nfirst-figure.mjs --again FOLDER';
const args = process.argv.slice(2);
const again = args[0] === '--again';
const warm = again || args[0] === '--warm';
const named = warm ? args.slice(1) : args;
if (named.length > 1 || named[0]?.startsWith('-') || (again && named.length === 0)) {
  console.error(`Not understood: ${args.join(' ')}\n${USAGE}`);
  process.exit(2);
}

const folder = mkdtempSync(join(tmpdir(), 'primal-first-figure-'));
const checkout = again ? resolve(userFolder(), named[0]) : join(folder, 'primal-attention');
const begin = performance.now();
const steps = [];
function reached(step) {
  steps.push({ step, seconds: (performance.now() - begin) / 1000 });
  console.log(`--- ${steps.at(-1).seconds.toFixed(1)} s: ${step}`);
}

let lab;
let browser;
let notebook;
// Also what was started ends, which has a group of its own.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => endAll().then(() => process.exit(1)));
try {
  if (!again) {
    await clone(named[0] ?? ROOT);
    reached('cloned');
  }
  const port = await freePort();
  lab = startLab(port);
  await serving(port);
  reached('JupyterLab serves');

  browser = await launchChromium();
  const context = await browser.newContext({ viewport: { width: 1240, height: 900 } });
  notebook = await openNotebook(
    context,
    { url: `http://127.0.0.1:${port}`, token: TOKEN },
    'quickstart.ipynb',
  );
  reached('the quickstart is open, its kernel idle');

  // Figures of the committed outputs are there from the start; one of a run of one's own is what counts.
  await notebook.command('editmenu:clear-all');
  const figures = notebook.page.locator('.jp-RenderedPlotly img.plot-img');
  await figures.first().waitFor({ state: 'detached' });
  const ran = notebook.command('notebook:run-all-cells');
  await Promise.race([
    figures.first().waitFor({ timeout: START_MS }),
    // It does not come after a cell that failed.
    ran.then(async () => {
      const errors = (await notebook.cells())
        .flatMap(({ outputs }) => outputs)
        .filter(({ output_type }) => output_type === 'error');
      if (errors.length > 0) throw new Error(errors.map(({ evalue }) => evalue).join('\n'));
    }),
  ]);
  await figures.first().waitFor();
  await figures.first().evaluate((image) => image.decode());
  reached('the first figure is on the screen');
} finally {
  await endAll();
}
// At the very end, below what a kernel says that is shut down amid its cells.
const from = again ? 'npm run lab' : `git clone (${warm ? 'the user’s caches' : 'empty caches'})`;
console.log(`first figure: ${steps.at(-1).seconds.toFixed(1)} s after ${from} began`);

async function endAll() {
  // Its kernel still runs the rest.
  await notebook?.close();
  await browser?.close();
  await endLab();
  rmSync(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 500 });
}

async function clone(source) {
  const [code] = await once(
    spawn('git', ['clone', '--quiet', source, checkout], { stdio: 'inherit' }),
    'exit',
  );
  if (code !== 0) throw new Error(`git clone ${source} ended with code ${code}`);
}

/** `npm run lab` in the checkout, its output shown. */
function startLab(port) {
  const own = (name) => join(folder, name);
  const caches = {
    npm_config_cache: own('npm'),
    npm_config_store_dir: own('pnpm-store'),
    PIP_CACHE_DIR: own('pip'),
    PRIMAL_CACHE: own('programs'),
    PRIMAL_PROCESSED: own('data'),
  };
  const jupyter = {
    JUPYTER_CONFIG_DIR: own('jupyter-config'),
    JUPYTER_DATA_DIR: own('jupyter-data'),
    JUPYTER_RUNTIME_DIR: own('jupyter-runtime'),
    JUPYTERLAB_SETTINGS_DIR: own('jupyter-settings'),
    JUPYTERLAB_WORKSPACES_DIR: own('jupyter-workspaces'),
  };
  // The notebook on the disk stays as it is.
  const settings = join(jupyter.JUPYTERLAB_SETTINGS_DIR, '@jupyterlab', 'docmanager-extension');
  mkdirSync(settings, { recursive: true });
  writeFileSync(join(settings, 'plugin.jupyterlab-settings'), JSON.stringify({ autosave: false }));
  const env = { ...process.env, ...(warm ? {} : caches), ...jupyter };
  // Of the shell that this runs in: a newcomer's has none.
  delete env.VIRTUAL_ENV;
  const child = spawn(
    'npm',
    [
      ...['run', 'lab', '--', '--no-browser', `--port=${port}`, '--ServerApp.port_retries=0'],
      ...[`--IdentityProvider.token=${TOKEN}`, '--LabApp.expose_app_in_browser=True'],
    ],
    // A group of its own, so that all of it can be ended.
    { cwd: checkout, env, detached: true, stdio: ['ignore', 'pipe', 'inherit'] },
  );
  child.stdout.on('data', (text) => {
    process.stdout.write(text);
    if (String(text).includes('Set-up is complete')) reached('set up');
  });
  return child;
}

async function endLab() {
  if (lab === undefined || lab.exitCode !== null) return;
  const ended = once(lab, 'exit');
  for (const signal of ['SIGTERM', 'SIGKILL']) {
    try {
      process.kill(-lab.pid, signal);
    } catch (error) {
      if (error.code !== 'ESRCH') throw error;
    }
    if (await Promise.race([ended.then(() => true), sleep(15_000, false, { ref: false })])) return;
  }
}

async function serving(port) {
  const deadline = performance.now() + START_MS;
  while (performance.now() < deadline) {
    if (lab.exitCode !== null) throw new Error(`npm run lab ended with code ${lab.exitCode}`);
    try {
      if ((await fetch(`http://127.0.0.1:${port}/api`)).ok) return;
    } catch (error) {
      if (error.cause?.code !== 'ECONNREFUSED') throw error;
    }
    await sleep(100);
  }
  throw new Error(`npm run lab did not serve within ${START_MS / 60_000} minutes`);
}

async function freePort() {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  server.close();
  await once(server, 'close');
  return port;
}
