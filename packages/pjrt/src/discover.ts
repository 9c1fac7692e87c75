import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { PluginError } from './errors.js';

/** A PJRT plugin that was found. */
export interface Plugin {
  /** Path of the shared library. */
  path: string;
  /** What the plugin computes on. `unknown` for a path that was given. */
  platform: 'cuda' | 'cpu' | 'unknown';
  /** Why this one: how it was found. */
  origin: string;
}

const packageFolder = dirname(fileURLToPath(import.meta.url));

/** Where Python wheels put their plugin inside `site-packages`, best first. */
const wheels: { platform: 'cuda' | 'cpu'; file: string; package: string }[] = [
  { platform: 'cuda', file: 'jax_plugins/xla_cuda13/xla_cuda_plugin.so', package: 'jax-cuda13-pjrt' },
  { platform: 'cuda', file: 'jax_plugins/xla_cuda12/xla_cuda_plugin.so', package: 'jax-cuda12-pjrt' },
  { platform: 'cpu', file: 'lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so', package: 'lammps-jax-pjrt-cpu' },
  { platform: 'cpu', file: 'xla_plugins/xla_cpu_pjrt/xla_cpu_pjrt.so', package: 'xla-cpu-pjrt' },
];

/**
 * Finds PJRT plugins: `PJRT_PLUGIN_PATH`, else those of Python wheels in the active virtual environment
 * (`VIRTUAL_ENV`) and in a `.venv` of the working folder, this package's folder, or a folder above them. CUDA comes before CPU, and only where
 * there is an NVIDIA driver.
 *
 * @returns all that was found, best first; empty when there is none
 */
export function findPlugins(
  env: NodeJS.ProcessEnv = process.env,
  from: readonly string[] = defaultFolders(),
): Plugin[] {
  const explicit = env.PJRT_PLUGIN_PATH;
  if (explicit) return [{ path: explicit, platform: 'unknown', origin: 'PJRT_PLUGIN_PATH' }];
  const found: Plugin[] = [];
  for (const environment of environments(env, from)) {
    for (const packages of sitePackages(environment)) {
      for (const wheel of wheels) {
        const path = join(packages, wheel.file);
        if (!existsSync(path)) continue;
        if (wheel.platform === 'cuda' && !existsSync('/proc/driver/nvidia/version')) continue;
        found.push({ path, platform: wheel.platform, origin: `${wheel.package} in ${environment}` });
      }
    }
  }
  return found.sort((a, b) => rank(a) - rank(b));
}

/** The best plugin. @throws PluginError that says what to install when there is none */
export function findPlugin(...where: Parameters<typeof findPlugins>): Plugin {
  const [best] = findPlugins(...where);
  if (best !== undefined) return best;
  if (process.platform !== 'linux' || process.arch !== 'x64') {
    throw new PluginError(
      `no PJRT plugin found: plugins exist for Linux x86-64 only; this is ${process.platform} ${process.arch}`,
    );
  }
  const looked = environments(...where).map((path) => (existsSync(path) ? path : `${path} (does not exist)`));
  throw new PluginError(
    `no PJRT plugin found: PJRT_PLUGIN_PATH is not set, and of Python environments (VIRTUAL_ENV, and .venv in the working folder, in ` +
      `this package's, and in those above them) ${looked.length === 0 ? 'there is none' : `none has one: ${looked.join(', ')}`}. ` +
      'In a checkout, `npm run setup` installs one; elsewhere ' +
      '`python3 -m venv .venv && .venv/bin/pip install --no-deps lammps-jax-pjrt-cpu==0.11.2`',
  );
}

function rank(plugin: Plugin): number {
  return wheels.findIndex((wheel) => plugin.path.endsWith(wheel.file));
}

function defaultFolders(): string[] {
  return [process.cwd(), packageFolder];
}

/** The Python environments that are looked into, each once. */
function environments(
  env: NodeJS.ProcessEnv = process.env,
  from: readonly string[] = defaultFolders(),
): string[] {
  const active = env.VIRTUAL_ENV ? [env.VIRTUAL_ENV] : [];
  return [...new Set([...active, ...from.flatMap(virtualEnvironments)])];
}

function virtualEnvironments(from: string): string[] {
  const found: string[] = [];
  for (let folder = from; ; folder = dirname(folder)) {
    const candidate = join(folder, '.venv');
    if (existsSync(candidate)) found.push(candidate);
    if (dirname(folder) === folder) return found;
  }
}

function sitePackages(environment: string): string[] {
  const lib = join(environment, 'lib');
  if (!existsSync(lib)) return [];
  return readdirSync(lib)
    .filter((name) => name.startsWith('python3'))
    .map((name) => join(lib, name, 'site-packages'));
}
