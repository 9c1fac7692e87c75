import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { findChromium, launchChromium } from './index.js';
import { hasPackagedChromium, unpackChromium } from './packaged-chromium.js';

const folder = mkdtempSync(join(tmpdir(), 'chromium-'));
afterAll(() => rmSync(folder, { recursive: true }));

function program(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, 0o755);
  return path;
}

describe('findChromium', () => {
  it('takes PRIMAL_CHROMIUM before an installed one, and that before the package', () => {
    const chosen = program('mine');
    const chrome = program('google-chrome');
    expect(findChromium({ PRIMAL_CHROMIUM: chosen, PATH: folder })).toMatchObject({
      path: chosen,
      origin: 'PRIMAL_CHROMIUM',
    });
    expect(findChromium({ PATH: folder })).toMatchObject({ path: chrome, origin: 'installed' });
    const chromium = program('chromium');
    expect(findChromium({ PATH: folder })).toMatchObject({ path: chromium, origin: 'installed' });
  });

  it('refuses a PRIMAL_CHROMIUM that is no program', () => {
    const text = join(folder, 'text');
    writeFileSync(text, 'no program');
    for (const path of [text, folder, join(folder, 'missing')]) {
      expect(() => findChromium({ PRIMAL_CHROMIUM: path })).toThrow(`PRIMAL_CHROMIUM is ${path}`);
    }
  });
});

describe('findChromium where there is none', () => {
  const platform = Object.getOwnPropertyDescriptor(process, 'platform')!;
  afterEach(() => Object.defineProperty(process, 'platform', platform));

  it('says where it looked and what to do', () => {
    Object.defineProperty(process, 'platform', { ...platform, value: 'freebsd' });
    expect(() => findChromium({ PATH: join(folder, 'empty') })).toThrow(
      /no Chromium here .*google-chrome.* this is freebsd on .*set PRIMAL_CHROMIUM/,
    );
  });
});

describe('launchChromium', () => {
  it('starts a browser that draws', async () => {
    const browser = await launchChromium();
    try {
      const page = await browser.newPage({ viewport: { width: 200, height: 100 } });
      await page.setContent('<body style="margin: 0"><p style="font-size: 40px; margin: 0">σ₁</p></body>');
      expect((await page.locator('p').boundingBox())?.height).toBeGreaterThan(40);
      const text = await page.screenshot();
      await page.setContent('<body></body>');
      expect(text.equals(await page.screenshot())).toBe(false);
    } finally {
      await browser.close();
    }
  });

  // What a bare container runs, also tested where a browser is installed.
  it.runIf(hasPackagedChromium())('starts the one of the package', async () => {
    const { path } = unpackChromium(process.env);
    process.env.PRIMAL_CHROMIUM = path;
    try {
      const browser = await launchChromium();
      expect(browser.version()).toMatch(/^\d+\./);
      await browser.close();
    } finally {
      delete process.env.PRIMAL_CHROMIUM;
    }
  });
});
