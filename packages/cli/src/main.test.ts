import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const program = fileURLToPath(new URL('../dist/main.js', import.meta.url));

function primal(
  args: string[],
  env: NodeJS.ProcessEnv = {},
): { stdout: string; stderr: string; status: number | null } {
  return spawnSync(process.execPath, [program, ...args], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });
}

test('usage: 0 when asked for, 2 when nothing was', () => {
  expect(primal(['help'])).toMatchObject({ status: 0, stdout: expect.stringContaining('primal doctor') });
  expect(primal([]).status).toBe(2);
});

test.each([
  [['doktor'], /there is no command 'doktor'[\s\S]*primal doctor/],
  [['toString'], /there is no command 'toString'/],
  [['doctor', 'x'], /doctor takes no arguments, got 'x'/],
  [['engine'], /engine installs 'tensorflow'.*got ''/],
  [['engine', 'tensorflow', '--gpo'], /Unknown option '--gpo'[\s\S]*primal engine tensorflow \[--gpu\]/],
])('%j is refused', (args, reason) => {
  const { status, stderr, stdout } = primal(args);
  expect(status).toBe(2);
  expect(stderr).toMatch(reason);
  expect(stdout).toBe('');
});

test('doctor names the engine that would be used', () => {
  const { status, stdout } = primal(['doctor'], { PRIMAL_BACKEND: 'cpu' });
  expect(status).toBe(0);
  expect(stdout).toMatch(/^cpu: works, and would be used$/m);
  expect(stdout).toMatch(/Used: cpu, by PRIMAL_BACKEND/);
});

test('doctor fails when nothing would run, and says what to type', () => {
  const { status, stdout } = primal(['doctor'], { PRIMAL_BACKEND: 'tensorflow', PRIMAL_ENGINES: '/nowhere' });
  expect(status).toBe(1);
  expect(stdout).toMatch(/tensorflow: not available\n.*pnpm primal engine tensorflow/);
  expect(stdout).toMatch(/asks for 'tensorflow', which does not work/);
});
