import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import * as tile from '../index.js';

it('checks/write-kernels.mjs writes every kernel', () => {
  const folder = mkdtempSync(join(tmpdir(), 'primal-write-kernels-'));
  try {
    const script = fileURLToPath(new URL('../../checks/write-kernels.mjs', import.meta.url));
    const { status, stderr } = spawnSync(process.execPath, [script, folder], { encoding: 'utf8' });
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const written = new Set(readdirSync(folder).map((file) => file.split('.')[0]));
    const kernels = Object.keys(tile)
      .filter((name) => name.endsWith('Program') && !['tileProgram', 'interpretProgram'].includes(name))
      .map((name) => name.slice(0, -'Program'.length).replace(/[A-Z]/g, (c) => `_${c.toLowerCase()}`));
    expect([...written].sort()).toEqual(kernels.sort());
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
