import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { childEnvironment, ROOT, TOOLS } from './setup/workspace.mjs';

/**
 * Builds the packages that turbo's `filters` name, and what these need; on a fresh clone the whole set-up is run instead.
 * Nothing is printed on standard output, which belongs to the caller's result: what was printed is shown on standard error,
 * by the set-up as it comes, by the build when it fails. Returns the exit code.
 */
export function build(caller, filters) {
  if (!existsSync(TOOLS.turbo)) {
    const { status } = spawnSync(process.execPath, [join(ROOT, 'scripts', 'setup.mjs')], {
      cwd: ROOT,
      stdio: ['ignore', 2, 'inherit'],
    });
    return status ?? 1;
  }
  const { status, error, stdout, stderr } = spawnSync(
    process.execPath,
    [
      TOOLS.turbo,
      'run',
      'build',
      ...filters.map((filter) => `--filter=${filter}`),
      '--ui=stream',
      '--output-logs=errors-only',
    ],
    { cwd: ROOT, env: childEnvironment(), encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  if (status !== 0) console.error(`${caller}: the build failed. ${error?.message ?? ''}\n${stdout}${stderr}`);
  return status ?? 1;
}
