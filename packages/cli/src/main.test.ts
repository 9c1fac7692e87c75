import { spawnSync } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

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
  [['--help'], /primal doctor[\s\S]*primal bundle/],
  [['-h'], /primal doctor[\s\S]*primal bundle/],
  [['help', 'data'], /^Usage: primal data list \|.*\n.*\n$/],
  [['data', '--help'], /^Usage: primal data list \|.*\n.*\n$/],
  [['data', 'get', '-h'], /^Usage: primal data list/],
])('%j explains', (args, text) => {
  const { status, stdout, stderr } = primal(args);
  expect(status).toBe(0);
  expect(stdout).toMatch(text);
  expect(stderr).toBe('');
});

test.each([
  [['help', 'doktor'], /there is no command 'doktor'/],
  [['doktor'], /there is no command 'doktor'[\s\S]*primal doctor/],
  [['toString'], /there is no command 'toString'/],
  [['doctor', 'x'], /doctor takes no arguments, got 'x'/],
  [['golden'], /expected --dir DIR, a folder of golden files.*got nothing[\s\S]*primal golden --dir DIR/],
  [['golden', 'here'], /expected --dir DIR.*got 'here'/],
  [['golden', '--dir'], /'--dir <value>' argument missing/],
  [['golden', '--dir', '/nowhere'], /expected --dir DIR.*there is no folder \S*nowhere/],
  [['golden', '--dir', fileURLToPath(import.meta.url)], /there is no folder .*main\.test\.ts/],
  [['engine'], /engine installs 'tensorflow'.*got nothing/],
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

describe('golden', () => {
  let folder: string;
  const fixtures = join(
    dirname(createRequire(import.meta.url).resolve('@primal-attention/attention/package.json')),
    'fixtures',
  );
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'primal-golden-'));
    await mkdir(join(folder, 'empty'));
    await mkdir(join(folder, 'cases'));
    await copyFile(join(fixtures, 'grid.safetensors'), join(folder, 'cases', 'grid.safetensors'));
    await copyFile(join(fixtures, 'optim.safetensors'), join(folder, 'cases', 'optim.safetensors'));
  });
  afterAll(() => rm(folder, { recursive: true }));
  const run = (dir: string) => primal(['golden', '--dir', dir], { PRIMAL_BACKEND: 'cpu', INIT_CWD: folder });

  test('passes every case of a folder, which is relative to where the user stands', () => {
    const { status, stdout } = run('cases');
    expect(status).toBe(0);
    const lines = stdout.trimEnd().split('\n');
    expect(lines[0]).toBe('backend: cpu');
    expect(lines[1]).toMatch(/^passed {2}grid N\d+_n\d+ {2}out 0\.0e\+0 \(exact\)$/);
    expect(lines.at(-1)).toBe('golden: 20 passed, 0 failed');
    expect(lines).toHaveLength(22);
  });

  test('a folder without golden files is a wrong argument', () => {
    const { status, stderr } = run('empty');
    expect(status).toBe(2);
    expect(stderr).toMatch(/empty has no such file/);
  });

  test('a file that no check knows fails', async () => {
    await writeFile(join(folder, 'cases', 'gridlock.safetensors'), '');
    const { status, stdout } = run('cases');
    expect(status).toBe(1);
    expect(stdout).toMatch(
      /^FAILED {2}gridlock \(all\) {2}no check knows gridlock\.safetensors; known are .*softmax/m,
    );
    expect(stdout).toMatch(/golden: 20 passed, 1 failed\n$/);
  });
});
