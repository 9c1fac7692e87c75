import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { main as primal } from '../primal/main.mjs';
import { main as prepare } from '../setup/main.mjs';
import { childEnvironment, ROOT, TOOLS } from '../setup/workspace.mjs';

/** Builds `primal` and the packages that it needs; what is printed is shown when that fails. Returns the exit code. */
function build() {
  const { status, error, stdout, stderr } = spawnSync(
    process.execPath,
    [
      TOOLS.turbo,
      'run',
      'build',
      '--filter=@primal-attention/cli',
      '--ui=stream',
      '--output-logs=errors-only',
    ],
    { cwd: ROOT, env: childEnvironment(), encoding: 'utf8', maxBuffer: 2 ** 28 },
  );
  if (status !== 0) console.error(`golden: the build failed. ${error?.message ?? ''}\n${stdout}${stderr}`);
  return status ?? 1;
}

/** Set-up on a fresh clone, the build, then `primal golden` with the arguments. Returns the exit code. */
export async function main(args) {
  const code = existsSync(TOOLS.turbo) ? build() : await prepare();
  return code === 0 ? primal(['golden', ...args]) : 1;
}
