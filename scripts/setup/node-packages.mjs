import { mkdirSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { runLogged } from './child.mjs';
import { Installation } from './installation.mjs';
import { hashOf, pnpmVersion, ROOT, STATE, workspaceFolders } from './workspace.mjs';

// Without a network npm and pnpm would say so only after 70 seconds: this makes it 21.
const RETRIES = {
  npm_config_fetch_retries: '3',
  npm_config_fetch_retry_mintimeout: '1000',
  npm_config_fetch_retry_factor: '4',
};

/** The step that installs all packages of pnpm-lock.yaml, by pnpm at the version that package.json pins. */
export function nodePackages() {
  const folders = workspaceFolders();
  const installed = folders.map((folder) => (folder === '.' ? 'node_modules' : `${folder}/node_modules`));
  const sources = [
    'pnpm-lock.yaml',
    'pnpm-workspace.yaml',
    '.npmrc',
    ...folders.map((folder) => `${folder}/package.json`),
  ];
  const installation = new Installation(
    'node-packages',
    () => ['node_modules/.pnpm', ...installed],
    async () => {
      for (const folder of installed) await rm(join(ROOT, folder), { recursive: true, force: true });
    },
  );
  return {
    id: 'node-packages',
    title: `Node packages (pnpm ${pnpmVersion()})`,
    perform: ({ env, log, onStart, note }) =>
      installation.install({
        part: 'all',
        key: hashOf([process.version, process.platform, process.arch, ROOT], sources),
        note,
        async run() {
          // In the project itself npx would prefer node_modules/.bin/pnpm, which may be broken.
          const cwd = join(STATE, 'npx');
          mkdirSync(cwd, { recursive: true });
          writeFileSync(join(cwd, 'package.json'), '{ "private": true }\n');
          const args = ['-y', `pnpm@${pnpmVersion()}`, '--dir', '../..', 'install', '--frozen-lockfile'];
          // pnpm asks before it replaces node_modules, and nobody is there to answer.
          args.push('--reporter=append-only', '--config.confirm-modules-purge=false');
          await runLogged('npx', args, {
            cwd,
            // Under `npm run --silent` the inner npm would keep even its errors to itself.
            env: { ...RETRIES, ...env, npm_config_loglevel: 'warn' },
            log,
            onStart,
            shell: process.platform === 'win32',
            what: 'Installing the Node packages',
          });
        },
      }),
  };
}
