import { type Browser, chromium } from 'playwright-core';
import { findChromium } from './find-chromium.js';

/**
 * Starts the Chromium of `findChromium`, without a window, to be driven by
 * [Playwright](https://playwright.dev/docs/api/class-browser). Closing it ends its processes.
 *
 * @throws Error if there is none
 */
export async function launchChromium(): Promise<Browser> {
  const found = findChromium();
  return chromium.launch({
    executablePath: found.path,
    env: { ...definedOnly(process.env), ...found.env },
    // Root, and containers without user namespaces, have no sandbox to put pages in; ours are our own pages.
    chromiumSandbox: false,
    // The same pixels everywhere.
    args: ['--font-render-hinting=none', '--disable-lcd-text', '--force-color-profile=srgb'],
  });
}

function definedOnly(env: NodeJS.ProcessEnv): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).filter((entry): entry is [string, string] => entry[1] !== undefined),
  );
}
