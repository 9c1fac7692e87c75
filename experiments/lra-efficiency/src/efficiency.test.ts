import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import type { Line } from './measurement.js';

const folder = mkdtempSync(join(tmpdir(), 'efficiency-'));
afterAll(() => rmSync(folder, { recursive: true }));

/** A built program of this package, as it is called. */
function run(program: string, args: readonly string[]) {
  return spawnSync(
    process.execPath,
    [fileURLToPath(new URL(`../dist/${program}.js`, import.meta.url)), ...args],
    {
      encoding: 'utf8',
      env: { ...process.env, PRIMAL_COMMIT: 'abc' },
    },
  );
}

const output = join(folder, 'efficiency-test.jsonl');
const lines = (): Line[] =>
  existsSync(output)
    ? readFileSync(output, 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Line)
    : [];
const measure = (...more: string[]) => {
  const small = [
    '--tasks',
    'Text',
    '--length',
    '64',
    '--batch',
    '1',
    '--precisions',
    'bf16',
    '--kernels',
    'on',
    '--reads',
    '3',
  ];
  return run('efficiency', [...small, '--models', 'Linear', '--output', output, ...more]);
};

describe('the program', () => {
  // Against a hang: some seconds for each call, on two cores that do nothing else.
  test('keeps what failed, goes on where it stopped, and is not mixed with another call', {
    timeout: 900_000,
  }, () => {
    const stopped = measure('--seconds', '1');
    expect(stopped.stdout).toMatch(/The 1 s are over; 1 are left for another call/);
    expect(lines()).toEqual([]);

    expect(measure('--seconds-each', '1').status).toBe(0);
    expect(lines()).toMatchObject([{ model: 'Linear', failure: 'took more than 1 s' }]);
    expect(measure().stdout).toMatch(/1 measurements on cpu.*of which 1 are there/);

    const { status, stdout, stderr } = measure('--retry');
    expect(status, stderr).toBe(0);
    expect(stdout).toMatch(
      /\[1\/1, \d+ s\] Text: Linear \+ kernels bf16, N 64, batch 1: [\d.]+ ms, [\d.]+ GiB \(planned\); no kernels ran: this device has none/,
    );
    const [line, ...rest] = lines();
    expect(rest).toEqual([]);
    expect(line).toMatchObject({
      ...{ part: 'table', program: 'ours', task: 'Text', model: 'Linear', precision: 'bf16' },
      ...{ length: 64, batch: 1, schedule: 'one-cycle', seed: 0, reads: 3, stepsPerRead: 1 },
      ...{ commit: 'abc', modified: false, devicePeakBytes: null },
      ...{ kernels: 'on', kernelCalls: 0, tuningMs: 0 },
      kernelsRefused: expect.stringMatching(/NVIDIA GPU/),
    });
    if ('failure' in line) throw new Error(line.failure);
    expect(line.msReads).toHaveLength(3);
    expect(line.msPerStep).toBe([...line.msReads].sort((a, b) => a - b)[1]);
    expect(line.parameters).toBe(370_562 - 64 * (4096 - 64));
    expect(line.programBytes).toBeGreaterThan(3 * 4 * line.parameters);
    expect(line.flops).toBeGreaterThan(0);
    // What the second process loads was compiled by the first.
    expect(line.firstLossMs.disk).toBeGreaterThan(0);

    const other = measure('--seed', '1');
    expect(other.status).not.toBe(0);
    expect(other.stderr).toMatch(/holds results with seed 0, and this call has 1: they are not mixed/);

    const report = run('report', [folder]);
    expect(report.status, report.stderr).toBe(0);
    expect(report.stdout).toMatch(/^# Training steps on cpu/);
    expect(report.stdout).toMatch(/\| Linear \+ kernels +\| bf16/);
    expect(report.stdout).toMatch(/- Linear \+ kernels, bf16: no kernels ran, but plain formulations/);
    expect(report.stdout).toMatch(/official PyTorch code, eager/);
    expect(readdirSync(folder).sort()).toEqual(['efficiency-test.jsonl', 'efficiency-test.md']);
  });

  test('says what it does not understand, and measures nothing', () => {
    const { status, stderr } = measure('--peers', 'jax', '--peer-python', '/nonexistent/python');
    expect(status).toBe(2);
    expect(stderr).toContain("--peers: '/nonexistent/python' cannot import jax");
    expect(measure('--tasks', 'none').stderr).toMatch(/nothing to measure/);
  });
});
