import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  createWriteStream,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { labArguments, labEnvironment } from '../lab/jupyterlab.mjs';
import { childEnvironment, ROOT, venvProgram } from '../setup/workspace.mjs';

const START_MS = 90_000;

/** Settings under which a page does what a test says, and writes no notebook back. */
const settings = ({ theme }) => ({
  '@jupyterlab/apputils-extension/themes': {
    theme: theme === 'dark' ? 'JupyterLab Dark' : 'JupyterLab Light',
  },
  '@jupyterlab/apputils-extension/notification': { fetchNews: 'false', checkForUpdates: false },
  '@jupyterlab/docmanager-extension/plugin': { autosave: false },
  // All outputs are in the page, also those that are scrolled out of sight.
  '@jupyterlab/notebook-extension/tracker': { windowingMode: 'none' },
});

/**
 * A JupyterLab on a free port of the loopback address, whose settings, logs and trust are its own: what is in the user's
 * home has no part in a test. It serves `folder`. Returns `{ url, token, stop }`.
 */
export async function startLab({ folder, theme = 'light', env = {} }) {
  const home = mkdtempSync(join(tmpdir(), 'primal-lab-'));
  for (const [name, value] of Object.entries(settings({ theme }))) {
    const file = join(home, 'settings', `${name}.jupyterlab-settings`);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(value));
  }
  const token = randomBytes(16).toString('hex');
  const log = join(home, 'server.log');
  const server = spawn(
    venvProgram('python'),
    [
      ...labArguments(),
      '--no-browser',
      // Any that is free.
      '--port=0',
      `--ServerApp.root_dir=${folder}`,
      `--IdentityProvider.token=${token}`,
      '--LabApp.expose_app_in_browser=True',
    ],
    {
      cwd: ROOT,
      env: {
        ...childEnvironment(),
        ...labEnvironment(),
        JUPYTER_CONFIG_DIR: join(home, 'config'),
        JUPYTER_DATA_DIR: join(home, 'data'),
        JUPYTER_RUNTIME_DIR: join(home, 'runtime'),
        JUPYTERLAB_SETTINGS_DIR: join(home, 'settings'),
        JUPYTERLAB_WORKSPACES_DIR: join(home, 'workspaces'),
        ...env,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  const output = createWriteStream(log);
  server.stdout.pipe(output, { end: false });
  server.stderr.pipe(output, { end: false });
  const ended = new Promise((resolve) => server.once('exit', resolve));
  const endWithUs = () => server.kill('SIGTERM');
  process.once('exit', endWithUs);
  const stop = async () => {
    process.removeListener('exit', endWithUs);
    // Its first SIGTERM ends the kernels too.
    server.kill('SIGTERM');
    await Promise.race([ended, sleep(15_000).then(() => server.kill('SIGKILL'))]);
    await ended;
    output.end();
    rmSync(home, { recursive: true, force: true });
  };
  try {
    const { port } = await running(server, join(home, 'runtime'));
    return { url: `http://127.0.0.1:${port}`, token, stop };
  } catch (error) {
    error.message += `\n${readFileSync(log, 'utf8')}`;
    await stop();
    throw error;
  }
}

/** What the server says of itself once it serves. */
async function running(server, runtime) {
  const deadline = Date.now() + START_MS;
  while (Date.now() < deadline) {
    if (server.exitCode !== null) throw new Error(`JupyterLab ended at once, with code ${server.exitCode}:`);
    const name = `jpserver-${server.pid}.json`;
    try {
      if (readdirSync(runtime).includes(name)) {
        const info = JSON.parse(readFileSync(join(runtime, name), 'utf8'));
        if ((await fetch(`http://127.0.0.1:${info.port}/api`)).ok) return info;
      }
    } catch (error) {
      // Not there yet, half written, or not listening yet.
      if (
        !['ENOENT', 'ECONNREFUSED'].includes(error.code ?? error.cause?.code) &&
        !(error instanceof SyntaxError)
      ) {
        throw error;
      }
    }
    await sleep(200);
  }
  throw new Error(`JupyterLab did not start within ${START_MS / 1000} s:`);
}
