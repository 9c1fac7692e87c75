import { spawnSync } from 'node:child_process';
import * as tf from '@tensorflow/tfjs';
import { afterEach, describe, expect, it } from 'vitest';
import { isTracing, jit, useBackend } from './index.js';

const initial = tf.getBackend();

afterEach(async () => {
  await tf.setBackend(initial);
});

describe('useBackend', () => {
  it('takes the backend that is named', async () => {
    expect(await useBackend('cpu')).toBe('cpu');
    expect(tf.getBackend()).toBe('cpu');
  });

  it('names the valid backends, and what to import for one that is not there', async () => {
    await expect(useBackend('webgpu')).rejects.toThrow(
      /unknown backend 'webgpu'.*xla, tensorflow, wasm, cpu/,
    );
    await expect(useBackend('wasm')).rejects.toThrow(
      /'wasm' cannot be used.*not registered.*tfjs-backend-wasm/,
    );
  });

  it('gives the reason of a backend that does not start', async () => {
    tf.registerBackend('wasm', () => {
      throw new Error('no library for this machine');
    });
    await expect(useBackend('wasm')).rejects.toThrow(/no library for this machine/);
    tf.removeBackend('wasm');
  });

  it('falls back to a slower one with a warning when nobody asked for one', () => {
    const code = `import * as tf from '@tensorflow/tfjs'; import { useBackend } from '@primal-attention/runtime';
      tf.registerBackend('tensorflow', () => { throw new Error('no library here'); });
      console.log(await useBackend());`;
    const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
      cwd: new URL('..', import.meta.url),
      env: { ...process.env, PRIMAL_BACKEND: '' },
      encoding: 'utf8',
    });
    expect(stdout.trim()).toBe('cpu');
    expect(stderr).toMatch(/'tensorflow' is not available \(no library here\)/);
  });
});

describe('jit without a compiling backend', () => {
  it('calls the function', async () => {
    await useBackend('cpu');
    let calls = 0;
    const f = jit((x: tf.Tensor) => {
      calls++;
      expect(isTracing()).toBe(false);
      return x.mul(2);
    });
    expect([...f(tf.scalar(3)).dataSync(), ...f(tf.scalar(4)).dataSync()]).toEqual([6, 8]);
    expect(calls).toBe(2);
  });
});
