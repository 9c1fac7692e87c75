import { spawnSync } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';

/** The built program, as it is called. */
function bench(options: string): {
  status: number | null;
  lines: Record<string, unknown>[];
  stdout: string;
  stderr: string;
} {
  const program = fileURLToPath(new URL('../dist/lra-step.js', import.meta.url));
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...options.split(' ')], {
    encoding: 'utf8',
    env: { ...process.env, PRIMAL_COMMIT: 'abc-modified' },
  });
  const lines = stdout.split('\n').filter((line) => line.startsWith('{'));
  return { status, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>), stdout, stderr };
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

  test.runIf(process.env.PRIMAL_BACKEND !== 'tensorflow')(
    'times both forms, whose first losses agree; kernels that do not run say why',
    () => {
      const { status, lines, stdout, stderr } = bench(
        `${small} --length 64 --batch 2 --precision bf16 --kernels on,off`,
      );
      expect(status, stderr).toBe(0);
      expect(lines.map(({ kernels, precision }) => [kernels, precision])).toEqual([
        ['on', 'bf16'],
        ['off', 'bf16'],
      ]);
      // Where the tests run, kernels do not.
      expect(lines[0].kernelsRefused).toMatch(/need an NVIDIA GPU/);
      expect(lines[1].kernelsRefused).toBeNull();
      for (const { kernelCalls, tuningMs, firstLossMs } of lines) {
        expect(kernelCalls).toBe(0);
        expect(tuningMs).toEqual({ cold: 0, disk: 0 });
        const { cold, disk } = firstLossMs as Record<string, number>;
        expect(Math.min(cold, disk)).toBeGreaterThan(0);
      }
      expect(stdout).toContain('xla+kernels: no kernels ran, but plain formulations');
    },
  );

  test('a program that cannot start is a line, and the others are timed', () => {
    // `true` stands for a Python that has JAX; it says nothing.
    const { status, lines, stdout } = bench(
      `${small} --backends ${other} --peers jax --peer-python /bin/true`,
    );
    expect(status).toBe(1);
    expect(lines.map(({ backend }) => backend)).toEqual([other, 'jax']);
    expect(lines[0].msPerStep).toBeGreaterThan(0);
    expect(lines[1]).toMatchObject({ kernels: null, failure: expect.stringMatching(/without an answer/) });
    expect(stdout).toContain('jax: failed, the peer ended without an answer');
  });

  test.runIf(process.env.PRIMAL_BACKEND !== 'tensorflow')(
    'a profile is of the program that was compiled, with its wall time over the sum of its kernels',
    () => {
      const folder = mkdtempSync(join(tmpdir(), 'profile-test-'));
      try {
        // In the place of JAX on a GPU: says how many operations the program has that it was given.
        const python = join(folder, 'python');
        writeFileSync(
          python,
          `#!/bin/sh
[ "$1" = -c ] && exit 0
grep -q 'func.func public @main' "$2" || exit 3
echo '{"device": "Test", "jax": "0", "msPerStep": 3, "kernelMs": 0.5, "kernels": 2}'
echo '{"kernel": "large", "us": 400, "calls": 1}'
echo '{"kernel": "small", "us": 100, "calls": 1}'
`,
        );
        chmodSync(python, 0o755);
        const { status, lines, stdout, stderr } = bench(
          `--profile --length 8 --batch 1 --steps 4 --steps-per-read 2 --warmup 1 --peer-python ${python}`,
        );
        expect(status, stderr).toBe(0);
        const [head, ...kernels] = lines;
        expect(head).toMatchObject({
          mechanism: 'primal',
          kernels: 'off',
          steps: 4,
          kernelMs: 0.5,
          kernelCount: 2,
        });
        const { wallMs, wallOverKernels, msPerStep } = head as Record<string, number>;
        expect(msPerStep).toBeGreaterThan(0);
        expect(wallMs).toBeCloseTo(4 * msPerStep, 9);
        expect(wallOverKernels).toBeCloseTo(msPerStep / 0.5, 9);
        expect(kernels.map(({ kernel }) => kernel)).toEqual(['large', 'small']);
        expect(stdout).toContain('400.0 µs  80.0 %  1 × large');
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
  );

  test('a Python without the library is a mistake, found before anything is timed', () => {
    const { status, lines, stderr } = bench('--peers jax --peer-python /nonexistent/python');
    expect(status).toBe(2);
    expect(lines).toEqual([]);
    expect(stderr).toContain("--peers: '/nonexistent/python' cannot import jax");
  });
});
