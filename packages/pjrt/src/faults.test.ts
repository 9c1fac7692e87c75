import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { Client, findPlugin, Library, PluginError } from './index.js';
import { checkVersion } from './library.js';

const folder = mkdtempSync(join(tmpdir(), 'faults-'));
afterAll(() => rmSync(folder, { recursive: true }));

const compiler = ['cc', 'gcc', 'clang'].find((name) => spawnSync(name, ['--version']).status === 0);

/** A shared library made of C source. */
function sharedLibrary(name: string, source: string): string {
  const path = join(folder, `${name}.so`);
  const built = spawnSync(compiler!, ['-shared', '-fPIC', '-x', 'c', '-o', path, '-'], {
    input: source,
    encoding: 'utf8',
  });
  if (built.status !== 0) throw new Error(built.stderr);
  return path;
}

/** What `open` throws, which must be a PluginError. */
function refusal(open: () => unknown): string {
  try {
    open();
  } catch (error) {
    expect(error).toBeInstanceOf(PluginError);
    return (error as Error).message;
  }
  throw new Error('it was accepted');
}

describe('faults', () => {
  it('no plugin: says where it looked and what to install', () => {
    const message = refusal(() => findPlugin({}, [folder]));
    expect(message).toMatch(/PJRT_PLUGIN_PATH.*VIRTUAL_ENV.*\.venv/);
    expect(message).toMatch(
      process.platform === 'linux' && process.arch === 'x64'
        ? /pip install .*lammps-jax-pjrt-cpu==/
        : /Linux x86-64 only/,
    );
  });

  it('wrong file: one that is not there', () => {
    const path = join(folder, 'missing.so');
    expect(refusal(() => new Client(path))).toContain(`no file at ${path}`);
  });

  it('wrong file: no shared library', () => {
    const path = join(folder, 'text.so');
    writeFileSync(path, 'not a library');
    expect(refusal(() => new Client(path))).toMatch(new RegExp(`cannot load ${path}: .+`));
    expect(refusal(() => new Client(folder))).toContain(`cannot load ${folder}`);
  });

  it('wrong file: a library of this system that is no plugin', () => {
    // Node.js loads its own addons as shared libraries; koffi's is one that is surely there.
    const { sharedObjects } = process.report.getReport() as unknown as { sharedObjects: string[] };
    const path = sharedObjects.find((name) => /libm[.-]|libc[.-]|koffi/.test(name) && name.startsWith('/'));
    expect(path).toBeDefined();
    expect(refusal(() => new Client(path!))).toMatch(/is a shared library, but no PJRT plugin.*GetPjrtApi/);
  });

  it('another version of the interface: is refused by number', () => {
    for (const version of [
      [0, 60],
      [0, 81],
      [0, 115],
      [0, 999],
    ] as const)
      checkVersion(version, '/x.so'); // prettier-ignore
    expect(refusal(() => checkVersion([0, 59], '/x.so'))).toMatch(/x\.so has .*0\.59.*0\.60.*newer plugin/);
    expect(refusal(() => checkVersion([1, 0], '/x.so'))).toMatch(/1\.0.*0\.60/);
    expect(refusal(() => checkVersion([-1, 70], '/x.so'))).toMatch(/-1\.70/);
  });

  // The table's head: its size, a pointer to extensions, then the version as a struct with a head of its own.
  it.runIf(compiler !== undefined)('another version of the interface: in a library that says so', () => {
    const path = sharedLibrary(
      'old',
      `#include <stddef.h>
       static struct {
         size_t size; void *extensions; size_t version_size; void *version_extensions; int major, minor; void *functions[8];
       } api = { sizeof api, NULL, 24, NULL, 0, 12, { NULL } };
       const void *GetPjrtApi(void) { return &api; }`,
    );
    expect(refusal(() => Library.open(path))).toMatch(/old\.so has interface version 0\.12/);
  });

  it.runIf(compiler !== undefined)('wrong file: a plugin that gives no table', () => {
    const path = sharedLibrary('empty', 'const void *GetPjrtApi(void) { return 0; }');
    expect(refusal(() => Library.open(path))).toMatch(/GetPjrtApi of .*empty\.so gives no table/);
  });
});

const type = 'tensor<600x600xf32>';
const chain = (length: number, operation: (i: number) => string) =>
  `module { func.func public @main(%0: ${type}) -> (${type}) {\n${Array.from({ length }, (_, i) => operation(i)).join('\n')}\nreturn %${length} : ${type} } }`;
const longProgram = chain(500, (i) => `%${i + 1} = stablehlo.sine %${i} : ${type}`);
const slowProgram = chain(
  6,
  (i) =>
    `%${i + 1} = stablehlo.dot_general %${i}, %0, contracting_dims = [1] x [0] : (${type}, ${type}) -> ${type}`,
);

/** What a child does over and over while its end comes. Each line leaves work under way. */
const work = {
  compile: 'client.compile(longProgram); await pause();',
  'compile, asynchronously':
    'await Promise.race([client.compileAsync(longProgram), new Promise((resolve) => setTimeout(resolve, 20))]);',
  run: 'program.execute().forEach((handle) => client.destroyBuffer(handle)); await pause();',
  'run, asynchronously':
    'await Promise.race([program.executeAsync(BigUint64Array.of(x.handle)).then(([handle]) => client.destroyBuffer(handle)), pause()]);',
  transfer: 'upload().toHost(new Float32Array(360000)); await pause();',
  'transfer, asynchronously':
    'program.argumentList(1)[0] = x.handle; void client.wrap(program.execute()[0], "f32", [600, 600]).toHostAsync(new Float32Array(360000)); await pause();',
};

/** Ways to end, and what is to be seen of them from outside. */
const ends = {
  'process.exit': { code: 'setTimeout(() => process.exit(7), delay)', status: 7, signal: null },
  'an error that nobody catches': {
    code: 'setTimeout(() => { throw new Error("on purpose") }, delay)',
    status: 1,
    signal: null,
  },
  SIGTERM: { code: '', status: null, signal: 'SIGTERM' },
  SIGKILL: { code: '', status: null, signal: 'SIGKILL' },
} as const;

const childCode = (task: string, end: string, delay: number) => `
  import { Client, findPlugin } from '@primal-attention/pjrt';
  const [longProgram, slowProgram] = ${JSON.stringify([longProgram, slowProgram])};
  const client = new Client(findPlugin().path);
  const upload = () => client.toDevice(new Float32Array(360000).fill(0.001), 'f32', [600, 600]);
  const program = client.compile(slowProgram);
  const x = upload();
  program.argumentList(1)[0] = x.handle;
  const pause = () => new Promise((resolve) => setTimeout(resolve, 3));
  const delay = ${delay};
  console.log('ready');
  ${end};
  for (;;) { ${task} }`;

interface End {
  status: number | null;
  signal: NodeJS.Signals | null;
  stderr: string;
}

/** Runs a child until its end comes: by itself, or by a signal so many milliseconds after it is at work. */
function runChild(task: string, code: string, signal: NodeJS.Signals | null, delay: number): Promise<End> {
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--input-type=module', '-e', childCode(task, code, delay)], {
      cwd: new URL('..', import.meta.url),
    });
    let stderr = '';
    child.stderr.on('data', (data) => {
      stderr += data;
    });
    child.stdout.once('data', () => {
      if (signal !== null) setTimeout(() => child.kill(signal), delay);
    });
    child.on('error', reject);
    child.on('close', (status, by) => resolve({ status, signal: by, stderr }));
  });
}

describe('faults: process exit at any moment', () => {
  const start = `import { Client, findPlugin, Library } from '@primal-attention/pjrt'; const path = findPlugin().path;`;

  it.each([
    ['with a loaded plugin and no client', 'Library.open(path)'],
    ['with a client', 'new Client(path)'],
    ['with a disposed client', 'new Client(path).dispose()'],
    ['at once', 'new Client(path); process.exit(0)'],
  ])('is clean %s', (_, code) => {
    const { status, signal, stderr } = spawnSync(
      process.execPath,
      ['--input-type=module', '-e', start + code],
      { cwd: new URL('..', import.meta.url), encoding: 'utf8' },
    );
    expect({ status, signal, stderr }).toMatchObject({ status: 0, signal: null });
  });

  // A signal ends a process from outside; the other two run what is registered for the end, amid the work.
  const cases = Object.keys(work).flatMap((task, i) =>
    (['process.exit', 'an error that nobody catches', i % 2 ? 'SIGTERM' : 'SIGKILL'] as const).map(
      (end) => [task as keyof typeof work, end] as const,
    ),
  );
  it.each(cases)('%s, ended by %s', async (task, name) => {
    const { code, status, signal } = ends[name];
    const delay = Math.floor(Math.random() * 250);
    const end = await runChild(work[task], code, signal, delay);
    // The delay in the message shows a failure again.
    expect({ delay, status: end.status, signal: end.signal, stderr: end.stderr }).toMatchObject({
      delay,
      status,
      signal,
    });
    if (name !== 'an error that nobody catches') expect(end.stderr).toBe('');
    else expect(end.stderr).toContain('on purpose');
  });
});
