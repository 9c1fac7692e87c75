import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { installTensorflow } from './install.js';
import { loadTensorflow } from './load.js';

let root: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'engines-'));
});
afterEach(() => rmSync(root, { recursive: true }));

/** A Python whose pip does what `download` says; all else goes to the real one. */
function pythonWith(download: string): NodeJS.ProcessEnv {
  const path = join(root, 'python');
  writeFileSync(
    path,
    `#!/bin/sh\nif [ "$3" = --version ]; then exit 0; fi\nif [ "$3" = download ]; then ${download}; fi\nexec python3 "$@"\n`,
  );
  chmodSync(path, 0o755);
  return { ...process.env, PRIMAL_PYTHON: path };
}

const linux = process.platform === 'linux' && process.arch === 'x64';

describe.runIf(linux)('installTensorflow', () => {
  test("a failing download is told in pip's words, and leaves no engine", async () => {
    const env = pythonWith('echo "THESE PACKAGES DO NOT MATCH THE HASHES" >&2; exit 1');
    const folder = join(root, 'tensorflow');
    await expect(installTensorflow({ folder, env })).rejects.toThrow(
      /fetching the wheel failed.*ended with code 1[\s\S]*DO NOT MATCH THE HASHES/,
    );
    expect(existsSync(folder)).toBe(false);
  });

  test('a damaged wheel leaves no engine', async () => {
    const env = pythonWith(
      'while [ "$1" != -d ]; do shift; done; mkdir -p "$2"; echo junk > "$2/tensorflow.whl"; exit 0',
    );
    const folder = join(root, 'tensorflow');
    await expect(installTensorflow({ folder, env })).rejects.toThrow(
      /taking the libraries from the wheel failed[\s\S]*BadZipFile/,
    );
    expect(readdirSync(root)).not.toContain('tensorflow');
  });

  test('says what is missing: a compiler, a Python with pip', async () => {
    const folder = join(root, 'tensorflow');
    // spawn looks for programs in this process's PATH.
    const path = process.env.PATH;
    process.env.PATH = root;
    try {
      await expect(
        installTensorflow({ folder, env: { PRIMAL_ENGINES: join(root, 'none') } }),
      ).rejects.toThrow(/no Python with pip was found.*npm run setup/);
      const python = join(root, 'python3');
      writeFileSync(python, '#!/bin/sh\nexit 0\n');
      chmodSync(python, 0o755);
      await expect(
        installTensorflow({ folder, env: { PRIMAL_ENGINES: join(root, 'none') } }),
      ).rejects.toThrow(/no C\+\+ compiler was found.*apt install g\+\+/);
    } finally {
      process.env.PATH = path;
    }
  });
});

describe('loadTensorflow', () => {
  test('an engine that is not there, or was never finished', () => {
    const folder = join(root, 'tensorflow');
    expect(() => loadTensorflow(folder)).toThrow(/not installed \(looked in .*pnpm primal engine tensorflow/);
    mkdirSync(join(folder, 'deps'), { recursive: true });
    expect(() => loadTensorflow(folder)).toThrow(/not installed/);
  });
});
