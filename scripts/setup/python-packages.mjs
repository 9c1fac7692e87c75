import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runLogged } from './child.mjs';
import { Installation } from './installation.mjs';
import { hashOf, ROOT, venvProgram } from './workspace.mjs';

const isWindows = process.platform === 'win32';

function watchedFolders() {
  if (isWindows) return ['.venv/Scripts', '.venv/Lib/site-packages'];
  const lib = join(ROOT, '.venv', 'lib');
  const versions = existsSync(lib) ? readdirSync(lib).filter((name) => name.startsWith('python')) : [];
  return ['.venv/bin', ...versions.map((name) => `.venv/lib/${name}/site-packages`)];
}

/** Why the XLA plugin's wheel does not fit this system; undefined when it does. */
export function whyNoXla() {
  if (process.platform !== 'linux' || process.arch !== 'x64') return `${process.platform} on ${process.arch}`;
  const glibc = process.report.getReport().header.glibcVersionRuntime;
  if (glibc === undefined) return 'a Linux without glibc';
  const [major, minor] = glibc.split('.').map(Number);
  return major > 2 || minor >= 27 ? undefined : `glibc ${glibc}`;
}

/** The steps that make .venv from `python`: the environment, JupyterLab and its kin, the XLA plugin. */
export function pythonPackages(python) {
  const installation = new Installation('python-packages', watchedFolders, () =>
    rm(join(ROOT, '.venv'), { recursive: true, force: true }),
  );

  const environment = {
    id: 'python-environment',
    title: `Python environment (.venv, Python ${python.version})`,
    perform: ({ env, log, onStart, note }) =>
      installation.install({
        part: 'environment',
        // The programs in it name their folder: a checkout that was moved needs another.
        key: hashOf([python.version, python.path, ROOT]),
        isBase: true,
        note,
        async run() {
          const { PYTHONHOME, PYTHONPATH, ...clean } = env;
          const args = ['-m', 'venv', '.venv'];
          await runLogged(python.path, args, { cwd: ROOT, env: clean, log, onStart, what: 'Making .venv' });
          // JupyterLab brings JavaScript that is CommonJS; by the checkout's own package.json it would be ESM.
          writeFileSync(join(ROOT, '.venv', 'package.json'), '{ "type": "commonjs" }\n');
        },
      }),
  };

  /** Wheels alone, and only those whose hash the file names. */
  const wheels = (id, title, requirements, options) => ({
    id,
    title,
    perform: ({ env, log, onStart, note }) =>
      installation.install({
        part: id,
        key: hashOf([], [requirements]),
        note,
        async run() {
          const args = ['-I', '-m', 'pip', 'install', '--require-hashes', '--only-binary=:all:', ...options];
          await runLogged(venvProgram('python'), [...args, '-r', requirements], {
            cwd: ROOT,
            // PIP_USER: a `user = true` in someone's own pip.conf would lead past the environment.
            env: { ...env, PIP_USER: '0', PIP_NO_INPUT: '1', PIP_DISABLE_PIP_VERSION_CHECK: '1' },
            log,
            onStart,
            what: `Installing ${requirements}`,
          });
        },
      }),
  });

  const plugin = wheels('xla-plugin', 'XLA plugin for the CPU', 'requirements-pjrt.txt', ['--no-deps']);
  const reason = whyNoXla();
  if (reason !== undefined) {
    plugin.perform = async () =>
      `not for ${reason}; it needs Linux on x86-64 with glibc 2.27 or newer.\n` +
      '    Lost: compilation by XLA. Everything runs on another TensorFlow.js backend instead, with the same\n' +
      '    results within rounding, but many times slower';
  }
  return [
    environment,
    wheels('python-packages', 'Python packages (JupyterLab, nbclient, Plotly)', 'requirements.txt', []),
    plugin,
  ];
}
