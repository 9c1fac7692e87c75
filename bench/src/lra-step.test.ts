import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** The built program, as it is called. */
function bench(options: string): { status: number | null; lines: Record<string, unknown>[]; stderr: string } {
  const program = fileURLToPath(new URL('../dist/lra-step.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...options.split(' ')], {
    encoding: 'utf8',
    env: { ...process.env, PRIMAL_COMMIT: 'abc-modified' },
  });
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  return { status, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>), stderr };
}

/** Beside xla: the engine that the tests run on, where that is another one. */
const other = process.env.PRIMAL_BACKEND === 'tensorflow' ? 'tensorflow' : 'wasm';

const small = '--mechanism softmax --length 8 --batch 1 --steps 2 --steps-per-read 2 --rounds 1 --warmup 1';

describe('bench:step', () => {
  test('times two backends, whose first losses agree', () => {
    const { status, lines, stderr } = bench(`--backends xla,${other} ${small}`);
    expect(status, stderr).toBe(0);
    expect(lines.map(({ backend }) => backend)).toEqual(['xla', other]);
    for (const line of lines) {
      expect(line).toMatchObject({ mechanism: 'softmax', length: 8, stepsPerRead: 2, seed: 0 });
      expect(line).toMatchObject({ commit: 'abc', modified: true });
      expect(line.msPerStep).toBeGreaterThan(0);
      expect(line.parameters).toBe(lines[0].parameters);
    }
    const [xla, second] = lines;
    expect(xla.peakBytes).toBeGreaterThan(4 * (xla.parameters as number));
    expect(xla.overheadMs).toBeGreaterThan(0);
    expect(second).toMatchObject({ overheadMs: null, peakBytes: null });
  });

  test('a Python without the library is a mistake, found before anything is timed', () => {
    const { status, lines, stderr } = bench('--peers jax --peer-python /nonexistent/python');
    expect(status).toBe(2);
    expect(lines).toEqual([]);
    expect(stderr).toContain("--peers: '/nonexistent/python' cannot import jax");
  });
});
