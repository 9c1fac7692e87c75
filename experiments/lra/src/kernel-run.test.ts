import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { deviceName, makeRun } from '@primal-attention/experiment';
import * as tf from '@tensorflow/tfjs';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lraExperiment } from './run.js';
import { kernelDevice } from './testing/kernel-device.js';
import { randomImages, smallConfig } from './testing/small.js';

let root: string;
let device: ReturnType<typeof kernelDevice>;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'lra-kernel-run-'));
  device = kernelDevice();
  vi.spyOn(console, 'log').mockImplementation(() => {});
});
afterEach(() => {
  device.remove();
  rmSync(root, { recursive: true });
  vi.restoreAllMocks();
});

// The stand-in is of this backend: kernels run on no other.
describe.runIf(tf.getBackend() === 'xla')('a run with kernels, where kernels run', () => {
  it('says in its summary what its steps had of them, also when it was stopped and goes on', {
    timeout: 300_000,
  }, async () => {
    // Sizes that kernels have tiles for; kernels that give zeros learn nothing, so there is no KSVD loss to blow up.
    const config = smallConfig('Image', {
      ...{ modelSize: 32, feedForward: 64, precision: 'tf32', eta: 0 },
    });
    const folder = join(root, 'image');
    mkdirSync(folder);
    writeFileSync(join(folder, 'config.json'), JSON.stringify(config));
    const variant = { kernels: true, dropoutDraw: 'products', seed: 3 } as const;
    const request = { folder, variant, onGpu: false };
    const stop = new AbortController();
    const stopping = async () => {
      const data = await randomImages();
      let reads = 0;
      const dev = Object.defineProperty({ ...data.dev }, 'labels', {
        enumerable: true,
        get: () => {
          if (++reads > 4) stop.abort(new Error('told to stop'));
          return data.dev.labels;
        },
      });
      return { ...data, dev };
    };
    await expect(makeRun({ ...request, stop: stop.signal }, lraExperiment(stopping))).rejects.toThrow(
      /stopped after step \d+ of 12/,
    );
    const unfinished = join(folder, 'unfinished', 'seed3.kernels.products');
    const noted = JSON.parse(readFileSync(join(unfinished, 'kernels.json'), 'utf8'));
    const summary = await makeRun(
      { ...request, stop: new AbortController().signal },
      lraExperiment(randomImages),
    );
    expect(summary).toMatchObject({
      id: 'image.seed3.kernels.products',
      config: { model: 'Primal.+Trans.', kernels: true, dropoutDraw: 'products', seed: 3 },
    });
    const called = new Set(device.calls);
    for (const kernel of ['feed_forward', 'primal', 'softmax_attention']) expect(called).toContain(kernel);
    // The same session to its end: this process knows the launches of its evaluations, too.
    expect(summary!.kernels).toMatchObject(noted);
    const [{ device: card, calls, launches, chosen }, ...others] = summary!.kernels!;
    expect(others).toEqual([]);
    expect(card).toBe(deviceName());
    // Both layers' feed-forward parts, the softmax layer and the Primal one, forwards and backwards.
    expect(calls).toBeGreaterThanOrEqual(10);
    expect(Object.keys(launches).join()).toMatch(/feedForward of .*feedForwardGradient of /);
    expect(Object.keys(launches).join()).toMatch(/softmax attention, 2 heads, mask, .*softmax keyGradient/);
    // The first session measured; the second one's are the same, also where the evaluations added some.
    expect(Object.keys(chosen!).sort()).toEqual(Object.keys(launches).sort());
    expect(Object.values(chosen!).join()).toMatch(/by measurement of \d+ of \d+/);
    expect(Object.values(launches).join()).toMatch(/(^|,)\d+ tokens x \d+, \d+ warps/);
    const written = readFileSync(join(folder, 'variants', 'seed3.kernels.products', 'summary.json'), 'utf8');
    expect(JSON.parse(written).kernels).toEqual(summary!.kernels);
  });
});
