import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { SavedLine } from './attention/results.js';

/** The built program, as it is called. */
function bench(options: string[]): {
  status: number | null;
  lines: SavedLine[];
  stdout: string;
  stderr: string;
} {
  const program = fileURLToPath(new URL('../dist/attention.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...options], {
    encoding: 'utf8',
    env: { ...process.env, PRIMAL_COMMIT: 'abc-modified' },
  });
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  return { status, stdout, stderr, lines: lines.map((line) => JSON.parse(line) as SavedLine) };
}

const small = '--lengths 8 --batch 2 --rounds 1 --round-ms 1 --warmup 1'.split(' ');

test('bench:attention times layers alone, and says who is the fastest', () => {
  const { status, lines, stdout, stderr } = bench(['--mechanisms', 'softmax,primal', ...small]);
  expect(status, stderr).toBe(0);
  expect(lines.map(({ mechanism }) => mechanism)).toEqual(['softmax', 'primal']);
  for (const line of lines) {
    expect(line).toMatchObject({ length: 8, batch: 2, failures: {}, msPeer: null, ratio: null, seed: 0 });
    expect(line).toMatchObject({ commit: 'abc', modified: true });
    expect(line.msOurs).toBeGreaterThan(0);
  }
  expect(stdout).toMatch(/N 8: the fastest is (softmax|primal) \(/);
});

test('a peer that fails is reported in its line, and ours is timed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'primal-bench-test-'));
  try {
    // Any Python will do for a peer whose program is not there; `true` stands for one that has JAX.
    const options = ['--peers', 'jax', '--peer-python', '/bin/true', '--peers-dir', folder];
    const { status, lines, stderr } = bench(['--mechanisms', 'linear', ...small, ...options]);
    expect(status, stderr).toBe(0);
    expect(lines[0].failures).toEqual({ jax: 'the program ended without an answer' });
    expect(lines[0].msOurs).toBeGreaterThan(0);
    expect(lines[0].ratio).toBeNull();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
