import { hasTileKernels } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { expect, test, vi } from 'vitest';
import { reportEngines } from './report.js';

test('every engine is reported, with what it is or why it is not', async () => {
  const report = await reportEngines();
  expect(report.map(({ name }) => name)).toEqual(['xla', 'tensorflow', 'wasm', 'cpu']);
  for (const { details, reason } of report)
    expect((details === undefined) !== (reason === undefined)).toBe(true);
  const of = (name: string) => report.find((engine) => engine.name === name);
  expect(of('cpu')?.details?.join()).toMatch(/tfjs-backend-cpu 4\.22\.0/);
  expect(of('wasm')?.details?.join()).toMatch(/tfjs-backend-wasm 4\.22\.0/);
});

test('settings with which none starts are an error, not a lack of engines', async () => {
  vi.stubEnv('PRIMAL_KERNELS', 'no');
  await expect(reportEngines()).rejects.toThrow(/PRIMAL_KERNELS must be one of on, off, got 'no'/);
  vi.unstubAllEnvs();
});

test('one that does not start gives its reason', async () => {
  const { PJRT_PLUGIN_PATH, PRIMAL_ENGINES } = process.env;
  process.env.PJRT_PLUGIN_PATH = '/nowhere/plugin.so';
  process.env.PRIMAL_ENGINES = '/nowhere/engines';
  try {
    const [xla, tensorflow] = await reportEngines();
    expect(xla.reason).toMatch(/\/nowhere\/plugin\.so/);
    expect(tensorflow.reason).toMatch(/not installed.*\/nowhere\/engines.*primal engine tensorflow/);
  } finally {
    for (const [name, value] of Object.entries({ PJRT_PLUGIN_PATH, PRIMAL_ENGINES })) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}, 120_000);

test.runIf(tf.getBackend() === 'xla')('xla says whether it runs tile kernels, and why not', async () => {
  const details = async (): Promise<string> => (await reportEngines())[0].details!.join('\n');
  expect(await details()).toMatch(
    hasTileKernels()
      ? /^tile kernels: supported; up to 6 s of measuring launches .*\(PRIMAL_TUNING\); kernels after that/m
      : /^tile kernels: not run: .*GPU/m,
  );
  vi.stubEnv('PRIMAL_KERNELS', 'off');
  expect(await details()).toMatch(/^tile kernels: not run: they are off \(PRIMAL_KERNELS/m);
  vi.unstubAllEnvs();
});
