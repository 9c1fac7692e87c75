import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { makeRun, type RunRequest } from '@primal-attention/experiment';
import { readSafetensors } from '@primal-attention/safetensors';
import * as tf from '@tensorflow/tfjs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { RunConfig } from './config.js';
import { lraExperiment } from './run.js';
import type { RunSummary } from './summary.js';
import { randomImages, smallConfig, writeRawData } from './testing/small.js';

// The whole path of a run as turbo starts it, in processes of its own, on small data made for it.

const program = fileURLToPath(new URL('../dist/run-main.js', import.meta.url));
let root: string;
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), 'lra-run-'));
  writeRawData(join(root, 'data'));
});
afterAll(() => {
  rmSync(root, { recursive: true });
});

let folders = 0;
function runFolder(config: RunConfig): string {
  const folder = join(root, `run-${++folders}`);
  mkdirSync(folder);
  writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
  return folder;
}

/** A run of this process, into `out`. */
function request(folder: string, out: string): RunRequest {
  return { folder, variant: {}, out, onGpu: false, stop: new AbortController().signal };
}

interface Ended {
  readonly output: string;
  readonly code: number | null;
}

/** Starts a run; with `killWhen`, kills it as soon as that holds. */
async function start(
  args: readonly string[],
  killWhen?: () => boolean,
  signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL',
  data = join(root, 'data'),
  more: Record<string, string> = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [program, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    // What the first process compiled, the others find.
    env: {
      ...{ ...process.env, PRIMAL_DATA: data, PRIMAL_CACHE: join(root, 'cache'), PRIMAL_PROCESSED: 'off' },
      ...more,
    },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (text) => (output += text));
  let sent = false;
  const timer = setInterval(() => {
    if (!sent && killWhen?.()) sent = child.kill(signal);
  }, 2);
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  clearInterval(timer);
  return { output, code };
}

const text = (folder: string, name: string): string => readFileSync(join(folder, name), 'utf8');
const summaryIn = (folder: string): RunSummary => JSON.parse(text(folder, 'summary.json'));
const evaluations = (folder: string): number => {
  const path = join(folder, 'metrics.jsonl');
  return existsSync(path) ? (text(folder, 'metrics.jsonl').match(/"evaluation"/g)?.length ?? 0) : 0;
};

function expectSame(folder: string, other: string): void {
  for (const name of ['metrics.jsonl', 'result.json'])
    expect(text(folder, name), name).toBe(text(other, name));
  for (const name of ['last.safetensors', 'best.safetensors']) {
    // The header also holds the length of the log of times, which depends on the clock's digits.
    const [a, b] = [folder, other].map((of) => readSafetensors(readFileSync(join(of, name))).tensors);
    expect(a, name).toEqual(b);
  }
  const { accuracy, config } = summaryIn(other);
  expect(summaryIn(folder)).toMatchObject({ accuracy, config });
}

describe('a run', () => {
  it.each(['ListOps', 'Text', 'Retrieval', 'Pathfinder'] as const)(
    'of %s that is killed and started again ends like an unbroken one',
    // Against a hang: the test takes 30 s on two cores that do nothing else.
    { timeout: 600_000 },
    async (task) => {
      const unbroken = runFolder(smallConfig(task));
      expect(await start([unbroken])).toMatchObject({ code: 0 });
      const run = join(unbroken, 'run');
      expect(evaluations(run)).toBe(3);
      const { samples, accuracy, parameters } = summaryIn(run);
      expect(accuracy.published).toMatchObject({ samples: samples.test - (samples.test % 4) });
      expect(accuracy.lastCheckpoint).toMatchObject({ samples: samples.test, step: 12 });
      expect(accuracy.published.step).toBe(accuracy.dev.step);
      expect(parameters).toBeGreaterThan(500);
      const more = task === 'ListOps' ? { samples: 7, step: 12 } : undefined;
      expect(accuracy.further?.lastCheckpoint).toEqual(more && expect.objectContaining(more));
      if (task === 'Text') expect(samples.dev).toBe(samples.test);

      const folder = runFolder(smallConfig(task));
      const out = join(root, `out-${task}`);
      await start([folder, '--out', out], () => evaluations(out) >= 1);
      expect(existsSync(join(out, 'summary.json'))).toBe(false);
      expect(await start([folder, '--out', out])).toMatchObject({ code: 0 });
      expect(existsSync(join(folder, 'run'))).toBe(false);
      expectSame(out, run);
    },
  );

  it('of Image ends like an unbroken one, when it is told to stop in an evaluation', {
    timeout: 300_000,
  }, async () => {
    const folder = runFolder(smallConfig('Image'));
    const whole = join(root, 'image-whole');
    await makeRun(request(folder, whole), lraExperiment(randomImages));
    const broken = join(root, 'image-broken');
    const stop = new AbortController();
    const load = async () => {
      const data = await randomImages();
      // The stop comes while the third batch of the second evaluation is made.
      let reads = 0;
      const dev = Object.defineProperty({ ...data.dev }, 'labels', {
        enumerable: true,
        get: () => {
          // Once for the number of samples, then for each check and batch.
          if (evaluations(broken) === 1 && ++reads > 2) stop.abort(new Error('told to stop'));
          return data.dev.labels;
        },
      });
      return { ...data, dev };
    };
    await expect(
      makeRun({ ...request(folder, broken), stop: stop.signal }, lraExperiment(load)),
    ).rejects.toThrow('train: stopped after step 8 of 12');
    await makeRun(request(folder, broken), lraExperiment(randomImages));
    expectSame(broken, whole);
  });

  it('that gets SIGTERM exits with 75, keeps a checkpoint, goes on, and is then kept', {
    timeout: 600_000,
  }, async () => {
    const config = smallConfig('ListOps', { steps: 800, evaluateEvery: 200, warmupSteps: 100 });
    const folder = runFolder(config);
    const run = join(folder, 'run');
    const stopped = await start([folder], () => evaluations(run) >= 1, 'SIGTERM');
    expect(stopped, stopped.output).toMatchObject({ code: 75 });
    const [, step] = /stopped after step (\d+) of 800/.exec(stopped.output)!;
    const { metadata } = readSafetensors(readFileSync(join(run, 'last.safetensors')));
    expect(JSON.parse(metadata.get('primal-attention.training')!).step).toBe(Number(step));
    const resumed = await start([folder]);
    expect(resumed).toMatchObject({ code: 0 });
    expect(resumed.output).toContain(`resuming after step ${step} of 800`);
    expect((await start([folder])).output).toMatch(/finished before, with commit/);

    const before = summaryIn(run);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(smallConfig('ListOps')));
    expect(await start([folder])).toMatchObject({ code: 0 });
    const [superseded] = readdirSync(join(folder, 'superseded'));
    expect(summaryIn(join(folder, 'superseded', superseded))).toEqual(before);
  });

  it('has variants, each like a run with such a config, in places of their own', {
    timeout: 600_000,
  }, async () => {
    const folder = runFolder(smallConfig('ListOps'));
    expect(await start([folder])).toMatchObject({ code: 0 });
    const own = text(join(folder, 'run'), 'summary.json');
    const asked = ['--seed', '5', '--precision', 'tf32'];
    const unfinished = join(folder, 'unfinished', 'seed5.tf32');
    await start([folder, ...asked], () => evaluations(unfinished) >= 1);
    expect(existsSync(join(unfinished, 'last.safetensors'))).toBe(true);
    expect(existsSync(join(folder, 'variants'))).toBe(false);
    expect(await start([folder, ...asked])).toMatchObject({ code: 0 });
    const variant = join(folder, 'variants', 'seed5.tf32');
    expect(existsSync(unfinished)).toBe(false);
    expect((await start([folder, ...asked])).output).toMatch(/seed5\.tf32: finished before/);
    expect(text(join(folder, 'run'), 'summary.json')).toBe(own);

    const edited = runFolder(smallConfig('ListOps', { seed: 5, precision: 'tf32' }));
    expect(await start([edited])).toMatchObject({ code: 0 });
    expectSame(variant, join(edited, 'run'));
    expect(summaryIn(variant).id).toBe(`${basename(folder)}.seed5.tf32`);
    expect(summaryIn(variant).configHash).toBe(summaryIn(join(edited, 'run')).configHash);

    // What the config says already is the run itself.
    expect((await start([folder, '--seed', '1'])).output).toMatch(/run-\d+: finished before/);
    const changed = smallConfig('ListOps', { steps: 8 });
    writeFileSync(join(folder, 'config.json'), JSON.stringify(changed));
    expect(await start([folder, ...asked])).toMatchObject({ code: 0 });
    expect(summaryIn(variant).config.steps).toBe(8);
    expect(readdirSync(join(folder, 'superseded'))).toHaveLength(1);
  });

  it('with kernels is an error where none run, says why, and writes nothing', async () => {
    const folder = runFolder(smallConfig('ListOps'));
    const asked = [folder, '--precision', 'tf32', '--kernels'];
    const { output, code } = await start(asked, undefined, undefined, undefined, { PRIMAL_KERNELS: 'off' });
    expect(output).toMatch(
      /run-\d+\.tf32\.kernels\.products: it asks for GPU kernels, and none run here: they are off \(PRIMAL_KERNELS/,
    );
    expect(code).toBe(2);
    expect(output).not.toMatch(/^ +at /m);
    expect(readdirSync(folder)).toEqual(['config.json']);
    // A kernel leaves no product in float32.
    const exact = await start([folder, '--kernels']);
    expect(exact.output).toMatch(/need products in TF32 or bf16: precision tf32 or bf16, got float32/);
    expect(exact.code).toBe(2);
    expect(exact.output).not.toMatch(/^ +at /m);
    const unset = await start([folder], undefined, undefined, undefined, { PRIMAL_KERNELS: 'no' });
    expect(unset.output).toMatch(/^PRIMAL_KERNELS must be one of on, off, got 'no'$/m);
    expect(unset.code).toBe(2);
    expect(readdirSync(folder)).toEqual(['config.json']);
  });

  it('with kernels ends after its first steps when these have none', async () => {
    // A device that would run kernels; the layers of this config are too small for any.
    const backend = tf.backend() as { tileRefusal?: () => string | undefined };
    if (tf.getBackend() !== 'xla') return;
    tf.registerKernel({
      kernelName: 'TileCall',
      backendName: 'xla',
      kernelFunc: () => {
        throw new Error('no layer of this size calls a kernel');
      },
    });
    backend.tileRefusal = () => undefined;
    try {
      const folder = runFolder(smallConfig('Image', { precision: 'tf32' }));
      const out = join(root, 'no-kernels');
      await expect(
        makeRun({ ...request(folder, out), variant: { kernels: true } }, lraExperiment(randomImages)),
      ).rejects.toThrow(/step was compiled without any: the model's layers took plain formulations/);
      expect(evaluations(out)).toBe(0);
      for (const name of ['kernels.json', 'result.json', 'summary.json'])
        expect(existsSync(join(out, name)), name).toBe(false);
    } finally {
      tf.unregisterKernel('TileCall', 'xla');
      delete backend.tileRefusal;
    }
  });

  it('that cannot be made here is skipped, says so in a line, and writes nothing', async () => {
    const needs = runFolder(smallConfig('ListOps'));
    const { output, code } = await start([needs, '--on-gpu']);
    // Where there is a GPU it runs.
    if (!/skipped/.test(output)) expect(existsSync(join(needs, 'run', 'summary.json'))).toBe(true);
    else {
      expect(output.trim().split('\n').at(-1)).toMatch(/^run-\d+: skipped: it needs a GPU, this is \S/);
      expect(existsSync(join(needs, 'run'))).toBe(false);
    }
    expect(code).toBe(0);
    const lacks = runFolder(smallConfig('Retrieval'));
    const lacking = await start([lacks, '--on-gpu'], undefined, undefined, join(root, 'empty'));
    expect(lacking.code).toBe(0);
    expect(lacking.output).toMatch(
      /skipped: retrieval is not on this machine; get it: pnpm primal data get retrieval/,
    );
    expect(existsSync(join(lacks, 'run'))).toBe(false);
  });

  it('without a folder or a valid config says what is wrong', async () => {
    expect(await start(['/nowhere'])).toMatchObject({
      code: 2,
      output: expect.stringMatching(/config\.json/),
    });
    expect(await start([])).toMatchObject({ code: 2 });
    expect(await start(['.', '--ou', 'x'])).toMatchObject({ code: 2, output: expect.stringMatching(/--ou/) });
    expect(await start(['.', '--seed', '-1'])).toMatchObject({ code: 2 });
    const folder = runFolder(smallConfig('ListOps', { step: 3 }));
    expect(await start([folder, '--seed=one'])).toMatchObject({
      code: 2,
      output: expect.stringMatching(/--seed must be a whole number from 0 on, got 'one'/),
    });
    expect(await start([folder, '--precision', 'half'])).toMatchObject({
      code: 2,
      output: expect.stringMatching(/--precision must be one of float32, tf32, bf16, got 'half'/),
    });
    const { code, output } = await start([folder]);
    expect(code).toBe(2);
    expect(output).toMatch(/step/);
    expect(output).not.toMatch(/^ +at /m);
    expect(existsSync(join(folder, 'run'))).toBe(false);
  });
});
