import type { Client } from '@primal-attention/pjrt';
import { DiskCache } from './disk-cache.js';
import { compilationEnvironment } from './environment.js';
import { cacheFolder, cacheLimit } from './folder.js';

/**
 * The cache that the environment asks for: `PRIMAL_CACHE` (a folder, or `off`), `PRIMAL_CACHE_LIMIT`, and
 * `PRIMAL_LOG=cache` to see on standard error what is found, missed and written. Undefined when it is off.
 */
export function openDiskCache(client: Client, env: NodeJS.ProcessEnv = process.env): DiskCache | undefined {
  const folder = cacheFolder(env);
  if (folder === undefined) return undefined;
  return new DiskCache({
    folder,
    limit: cacheLimit(env),
    environment: compilationEnvironment(client, env),
    log: (env.PRIMAL_LOG ?? '').split(',').includes('cache'),
  });
}
