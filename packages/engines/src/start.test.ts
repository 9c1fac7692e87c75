import { spawnSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { startEngine } from './start.js';
import { installedTensorflow } from './tensorflow/place.js';

/** Runs a program in a process of its own, since an engine cannot be taken out of one. */
function start(env: NodeJS.ProcessEnv, ...args: string[]): { stdout: string; stderr: string } {
  const code = `import { startEngine } from '@primal-attention/engines'; console.log(await startEngine());`;
  return spawnSync(process.execPath, ['--input-type=module', '-e', code, '--', ...args], {
    cwd: new URL('..', import.meta.url),
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
}

test('PRIMAL_BACKEND names the engine', () => {
  expect(start({ PRIMAL_BACKEND: 'wasm' }).stdout.trim()).toBe('wasm');
  expect(start({ PRIMAL_BACKEND: 'wsam' }).stderr).toMatch(
    /unknown backend 'wsam'; expected one of xla, tensorflow, wasm, cpu/,
  );
});

test('an engine that is asked for and not there is an error, not another engine', () => {
  const { stdout, stderr } = start({ PRIMAL_BACKEND: 'tensorflow', PRIMAL_ENGINES: '/nowhere' });
  expect(stdout).toBe('');
  expect(stderr).toMatch(/'tensorflow' cannot be used: it is not installed/);
});

test.runIf(installedTensorflow() !== undefined)(
  "the tensorflow engine does not take the program's arguments for its own",
  () => {
    const { stdout, stderr } = start({ PRIMAL_BACKEND: 'tensorflow' }, 'x', '--dir', '/nowhere');
    expect(stderr).not.toMatch(/cannot be used/);
    expect(stdout.trim()).toBe('tensorflow');
  },
);

test('without XLA the next one is taken, and the reason is told', () => {
  const { stdout, stderr } = start({
    PRIMAL_BACKEND: '',
    PJRT_PLUGIN_PATH: '/nowhere.so',
    PRIMAL_ENGINES: '/nowhere',
  });
  expect(stdout.trim()).toBe('wasm');
  expect(stderr).toMatch(/'xla' cannot be used.*nowhere\.so/);
});

test.each([
  [{ PRIMAL_KERNELS: 'no' }, "PRIMAL_KERNELS must be one of on, off, got 'no'"],
  [{ PRIMAL_TUNING: 'soon' }, "PRIMAL_TUNING must be a number of seconds, 0 or more, got 'soon'"],
  [{ PRIMAL_LOG: 'tile,cahce' }, "PRIMAL_LOG must be cache or tile, or both with a comma, got 'tile,cahce'"],
])('%j is an error at the start, and no reason to take another engine', (env, message) => {
  const { stdout, stderr } = start({ PRIMAL_BACKEND: '', ...env });
  expect(stdout).toBe('');
  expect(stderr).toContain(message);
});

test('an unknown name is refused', async () => {
  await expect(startEngine('webgl')).rejects.toThrow(/unknown backend 'webgl'/);
});
