import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach } from 'vitest';
import { writeTar } from './write-tar.js';

/** A data folder for the tests of a file: empty before each test, gone after it. */
export class TestFolder {
  path = '';

  constructor(name: string) {
    beforeEach(async () => {
      this.path = await mkdtemp(join(tmpdir(), `primal-${name}-`));
    });
    afterEach(() => rm(this.path, { recursive: true }));
  }

  /** Writes a file, and the folders above it; returns its path. */
  async put(name: string, content: string | Uint8Array): Promise<string> {
    const path = join(this.path, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, content);
    return path;
  }
}

/** A tar archive of files, in the order given. */
export function tarOf(files: Readonly<Record<string, string | Uint8Array>>): Buffer {
  return writeTar(Object.entries(files).map(([path, content]) => ({ path, content })));
}
