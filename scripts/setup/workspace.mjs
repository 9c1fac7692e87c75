import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of the checkout. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/[\\/]$/, '');

/** Where the user stands: pnpm runs scripts in the package's folder, and says here where it was called. */
export const userFolder = () => process.env.INIT_CWD ?? process.cwd();

/** What set-up remembers: records of what is installed, the tools' logs, the lock. */
export const STATE = join(ROOT, '.setup');

const isWindows = process.platform === 'win32';

/** Path in the virtual environment of a program that lives there. */
export const venvProgram = (name) =>
  join(ROOT, '.venv', isWindows ? 'Scripts' : 'bin', isWindows ? `${name}.exe` : name);

/** `node` arguments that run an installed tool without a shell, on every system alike. */
export const TOOLS = {
  turbo: join(ROOT, 'node_modules', 'turbo', 'bin', 'turbo'),
  biome: join(ROOT, 'node_modules', '@biomejs', 'biome', 'bin', 'biome'),
};

/** pnpm's version, which package.json pins for the workspace. */
export function pnpmVersion() {
  const { devDependencies } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  return devDependencies.pnpm;
}

/** Folders (relative) of the workspace's packages, from the patterns in pnpm-workspace.yaml; the root is '.'. */
export function workspaceFolders() {
  const yaml = readFileSync(join(ROOT, 'pnpm-workspace.yaml'), 'utf8');
  const list = /^packages:\n((?:[ \t]+-.*\n|[ \t]*#.*\n)+)/m.exec(yaml)?.[1] ?? '';
  const patterns = [...list.matchAll(/-\s*['"]?([^'"\s]+)['"]?/g)].map((match) => match[1]);
  const expand = (base, parts) => {
    if (parts.length === 0) return [base];
    if (parts[0] !== '*') return expand(base ? `${base}/${parts[0]}` : parts[0], parts.slice(1));
    if (!existsSync(join(ROOT, base))) return [];
    return readdirSync(join(ROOT, base), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && entry.name !== 'node_modules')
      .flatMap((entry) => expand(`${base}/${entry.name}`, parts.slice(1)));
  };
  const folders = patterns.flatMap((pattern) => expand('', pattern.split('/')));
  return ['.', ...folders.filter((folder) => existsSync(join(ROOT, folder, 'package.json'))).sort()];
}

/** The environment of what set-up, tests and experiments start: this Node.js and the workspace's programs come first. */
export function childEnvironment() {
  const env = { ...process.env, TURBO_TELEMETRY_DISABLED: '1', TURBO_NO_UPDATE_NOTIFIER: '1' };
  // An npm inside `npm run` would otherwise take the outer one's project for its own.
  delete env.npm_config_local_prefix;
  const path = Object.keys(env).find((key) => key.toUpperCase() === 'PATH') ?? 'PATH';
  env[path] = [join(ROOT, 'node_modules', '.bin'), dirname(process.execPath), env[path]].join(delimiter);
  // Some tools take CI for a terminal with colours.
  if (env.CI && !env.FORCE_COLOR && !process.stdout.isTTY) env.NO_COLOR = '1';
  return env;
}

/** A hash of texts and of files' contents (a missing file counts as such). */
export function hashOf(texts, files = []) {
  const hash = createHash('sha256');
  for (const text of texts) hash.update(`${text}\0`);
  for (const file of files) {
    hash.update(`${file}\0`);
    if (existsSync(join(ROOT, file))) hash.update(readFileSync(join(ROOT, file)));
  }
  return hash.digest('hex');
}
