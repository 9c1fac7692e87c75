import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RunInUseError, StoppedError } from '@primal-attention/training';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type CommonSummary, type Experiment, makeRun } from './run.js';
import { RunError } from './run-error.js';
import { runMain } from './run-main.js';

let folder: string;
let code: typeof process.exitCode;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'run-main-'));
  writeFileSync(join(folder, 'config.json'), '{"seed": 0}');
  code = process.exitCode;
});
afterEach(() => {
  rmSync(folder, { recursive: true });
  process.exitCode = code;
  for (const name of ['SIGTERM', 'SIGINT']) process.removeAllListeners(name);
  vi.restoreAllMocks();
});

/** What a run that ends so prints, and its exit code. */
async function ended(run: () => Promise<unknown>): Promise<[code: typeof process.exitCode, text: string]> {
  const lines: unknown[] = [];
  for (const name of ['log', 'error'] as const)
    vi.spyOn(console, name).mockImplementation((text) => void lines.push(text));
  await runMain(run, [folder]);
  return [process.exitCode, lines.join('\n')];
}

describe('runMain', () => {
  it.each([
    [new RunError('config x: epochs'), 2],
    [new RunInUseError('process 3 has it'), 1],
    [new StoppedError('stopped after step 3', 3), 75],
  ])('ends with the message of %s alone, and status %d', async (error, status) => {
    expect(await ended(() => Promise.reject(error))).toEqual([status, error.message]);
  });

  it('lets what is wrong in the program through', async () => {
    await expect(ended(() => Promise.reject(new TypeError('x is undefined')))).rejects.toThrow(TypeError);
  });
});

describe('makeRun refuses, before anything is written,', () => {
  type Config = { readonly seed: number };
  const experiment: Experiment<Config, CommonSummary<Config>> = {
    parseConfig: (json) => json as Config,
    startEngine: async () => {},
    missingData: async () => ({ dataset: 'none', missing: [] }),
    train: () => Promise.reject(new Error('it trained')),
    headline: () => 'done',
  };
  const wrong = (message: string) => () => {
    throw new Error(message);
  };

  it.each<[string, Partial<typeof experiment>, RegExp]>([
    ['a config', { parseConfig: wrong('config x: epochs') }, /^config x: epochs$/],
    ['an engine', { startEngine: async () => wrong('PRIMAL_KERNELS must be')() }, /^PRIMAL_KERNELS must be$/],
    ['what the experiment cannot do', { refusal: () => 'no kernels' }, /^run-main-\w+: no kernels$/],
  ])('%s', async (_, change, message) => {
    const request = { folder, variant: {}, onGpu: false, stop: new AbortController().signal };
    const error = await makeRun(request, { ...experiment, ...change }).catch((reason) => reason);
    expect(error).toBeInstanceOf(RunError);
    expect(error.message).toMatch(message);
    expect(readdirSync(folder)).toEqual(['config.json']);
  });

  it('a config that is no JSON', async () => {
    writeFileSync(join(folder, 'config.json'), '{');
    const request = { folder, variant: {}, onGpu: false, stop: new AbortController().signal };
    await expect(makeRun(request, experiment)).rejects.toThrow(RunError);
  });
});
