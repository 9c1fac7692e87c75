import { existsSync } from 'node:fs';
import { homedir } from 'node:os';
import { delimiter, join } from 'node:path';
import { type Browser, chromium } from 'playwright-core';

/**
 * Starts a Chromium without a window: that of `PRIMAL_CHROMIUM`, or one on the PATH, or one that was unpacked into the cache.
 *
 * @throws Error if there is none
 */
export async function launchChromium(): Promise<Browser> {
  const cache = join(homedir(), '.cache', 'primal-attention', 'chromium-147.0.0');
  const places = [
    process.env.PRIMAL_CHROMIUM ?? '',
    ...(process.env.PATH ?? '').split(delimiter).map((folder) => join(folder, 'chromium')),
    join(cache, 'chromium'),
  ];
  const executablePath = places.find((path) => path && existsSync(path));
  if (!executablePath) {
    throw new Error('launchChromium: found no Chromium; install one, or set PRIMAL_CHROMIUM to its program');
  }
  const env = {
    ...process.env,
    LD_LIBRARY_PATH: join(cache, 'al2023', 'lib'),
  };
  return chromium.launch({ executablePath, env: env as Record<string, string>, chromiumSandbox: false });
}
