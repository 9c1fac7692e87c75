import { mkdirSync, statSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where executables are kept: `PRIMAL_CACHE`, else `primal-attention/executables` in `XDG_CACHE_HOME` or `~/.cache`.
 * Undefined when `PRIMAL_CACHE` is `off`.
 */
export function cacheFolder(env: NodeJS.ProcessEnv = process.env): string | undefined {
  if (env.PRIMAL_CACHE === 'off') return undefined;
  if (env.PRIMAL_CACHE) return env.PRIMAL_CACHE;
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'primal-attention', 'executables');
}

/**
 * The cache's limit in bytes: `PRIMAL_CACHE_LIMIT`, a number of bytes or one with a unit (`500M`, `2G`); by default 2 GiB.
 *
 * @throws Error when it is something else
 */
export function cacheLimit(env: NodeJS.ProcessEnv = process.env): number {
  const text = env.PRIMAL_CACHE_LIMIT;
  if (!text) return 2 * 2 ** 30;
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)$/.exec(text);
  if (match === null) {
    throw new Error(
      `PRIMAL_CACHE_LIMIT must be a size in bytes, or one like 500M or 2G (powers of 1024), got '${text}'`,
    );
  }
  return Number(match[1]) * 1024 ** ' KMGT'.indexOf(match[2] || ' ');
}

/**
 * Makes the folder, readable by its owner only, where there is none.
 *
 * @throws Error when it cannot be made, or when somebody else could write there: loading an executable runs its code
 */
export function openFolder(folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { uid, mode } = statSync(folder);
  const user = process.getuid?.();
  if (user !== undefined && uid !== user) {
    throw new Error(`it belongs to user ${uid}, not to ${user}, and executables in it would be run`);
  }
  if ((mode & 0o022) !== 0) {
    throw new Error(
      `others can write there (mode ${(mode & 0o777).toString(8)}), and executables in it would be run; chmod 700 it`,
    );
  }
}
