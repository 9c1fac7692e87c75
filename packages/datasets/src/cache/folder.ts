import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where processed data is kept: `PRIMAL_PROCESSED`, else `primal-attention/datasets` in `XDG_CACHE_HOME` or `~/.cache`. Undefined when
 * `PRIMAL_PROCESSED` is `off`. Not the data folder, which may be a mirror that nobody may write to.
 */
export function processedFolder(
  env: Readonly<Record<string, string | undefined>> = process.env,
): string | undefined {
  if (env.PRIMAL_PROCESSED === 'off') return undefined;
  if (env.PRIMAL_PROCESSED) return env.PRIMAL_PROCESSED;
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'primal-attention', 'datasets');
}
