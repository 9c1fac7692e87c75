import { spawn } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { ExecutableCache } from '../executables.js';
import { xla } from '../testing/compare.js';
import { DiskCache } from './disk-cache.js';
import { decodeEntry, encodeEntry } from './entry.js';
import { graphics } from './environment.js';
import { cacheFolder, cacheLimit } from './folder.js';

const newFolder = () => join(mkdtempSync(join(tmpdir(), 'executables-')), 'cache');
const module = (n: number) =>
  `module { func.func public @main(%x: tensor<${n}xf32> {tf.aliasing_output = 0 : i32}) -> (tensor<${n}xf32>) { %0 = stablehlo.sine %x : tensor<${n}xf32> return %0 : tensor<${n}xf32> } }`;

/** A cache of executables as a new process would have it. */
function cacheIn(folder: string, options: { limit?: number; environment?: string } = {}): ExecutableCache {
  const disk = new DiskCache({ folder, limit: 2 ** 30, environment: 'test', ...options });
  const cache = new ExecutableCache(xla().client, undefined, disk);
  onTestFinished(() => cache.dispose());
  return cache;
}

/** sin(1), computed by the program of a cache on n numbers, and whether its argument was consumed. */
function run(cache: ExecutableCache, n = 2): { value: number; consumed: boolean } {
  const { client } = xla();
  const executable = cache.get(String(n), () => module(n));
  const x = client.toDevice(new Float32Array(n).fill(1), 'f32', [n]);
  executable.argumentList(1)[0] = x.handle;
  const result = client.wrap(executable.execute()[0], 'f32', [n]);
  const values = new Float32Array(n);
  result.toHost(values);
  let consumed = false;
  try {
    x.toHost(new Float32Array(n));
  } catch {
    consumed = true;
  }
  x.dispose();
  result.dispose();
  return { value: values[n - 1], consumed };
}

const right = { value: Math.fround(Math.sin(1)), consumed: true };
const entries = (folder: string) => readdirSync(folder).map((name) => join(folder, name));

function warnings(): () => string[] {
  const spy = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  onTestFinished(() => spy.mockRestore());
  return () => spy.mock.calls.map(([message]) => String(message));
}

function expectRight(result: { value: number; consumed: boolean }): void {
  expect(result.value).toBeCloseTo(right.value, 6);
  expect(result.consumed).toBe(true);
}

describe('disk cache', () => {
  it('gives a second cache the executable, donation included', () => {
    const folder = newFolder();
    const said = warnings();
    const first = cacheIn(folder);
    expectRight(run(first));
    expect(first.statistics).toMatchObject({ compilations: 1, loads: 0, misses: 1 });
    const second = cacheIn(folder);
    expectRight(run(second));
    expectRight(run(second));
    expect(second.statistics).toMatchObject({ compilations: 0, loads: 1, misses: 0, hits: 1 });
    expect(second.get('2', () => module(2)).memoryStats().aliasBytes).toBe(8);
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(statSync(entries(folder)[0]).mode & 0o777).toBe(0o600);
    expect(said()).toEqual([]);
  });

  it('serves asynchronous compilation alike', async () => {
    const folder = newFolder();
    const first = cacheIn(folder);
    await first.prepare('2', () => module(2));
    expectRight(run(first));
    const second = cacheIn(folder);
    await Promise.all([second.prepare('2', () => module(2)), second.prepare('2', () => module(2))]);
    expectRight(run(second));
    expect(second.statistics).toMatchObject({ compilations: 0, loads: 1 });
  });

  const damages: [string, (path: string, folder: string) => void][] = [
    ['is cut to half', (path) => truncateSync(path, Math.floor(statSync(path).size / 2))],
    ['is empty', (path) => truncateSync(path, 0)],
    ...[0.5, 0.6, 0.7].map((part): [string, (path: string) => void] => [
      `has 16 bytes flipped at ${100 * part} %`,
      (path) => {
        const bytes = readFileSync(path);
        const start = Math.floor(part * bytes.length);
        for (let i = start; i < start + 16; i++) bytes[i] ^= 0xff;
        writeFileSync(path, bytes);
      },
    ]),
    ['is a text', (path) => writeFileSync(path, 'x'.repeat(5000))],
    [
      'is the entry of another program',
      (path, folder) => {
        const other = newFolder();
        run(cacheIn(other), 3);
        cpSync(entries(other)[0], path);
        expect(readdirSync(folder)).toHaveLength(1);
      },
    ],
    [
      'has the right checksum, but is none that the plugin can load',
      (path) => {
        const key = path.slice(-75).slice(0, 64);
        writeFileSync(path, encodeEntry(key, Buffer.from('no executable')));
      },
    ],
  ];
  it.each(damages)('compiles again, with one warning, when an entry %s', (_, damage) => {
    const folder = newFolder();
    run(cacheIn(folder));
    const [path] = entries(folder);
    damage(path, folder);
    const said = warnings();
    const second = cacheIn(folder);
    expectRight(run(second));
    expect(second.statistics).toMatchObject({ compilations: 1, loads: 0 });
    expect(said()).toHaveLength(1);
    expect(said()[0]).toContain(path);
    // The good entry is back.
    const third = cacheIn(folder);
    expectRight(run(third));
    expect(third.statistics.loads).toBe(1);
  });

  it.each([
    ['a file stands in its place', (folder: string) => writeFileSync(folder, '')],
    [
      'others may write to the folder',
      (folder: string) => {
        mkdirSync(folder);
        chmodSync(folder, 0o777);
      },
    ],
  ])('works without, with one warning, when %s', (_, spoil) => {
    const folder = newFolder();
    spoil(folder);
    const said = warnings();
    const cache = cacheIn(folder);
    expectRight(run(cache, 2));
    expectRight(run(cache, 3));
    expect(cache.statistics).toMatchObject({ compilations: 2, loads: 0 });
    expect(said()).toHaveLength(1);
    expect(said()[0]).toMatch(/PRIMAL_CACHE/);
  });

  it('works without, with one warning when it cannot write any more', () => {
    const folder = newFolder();
    const said = warnings();
    const disk = new DiskCache({ folder, limit: 2 ** 30, environment: 'test' });
    disk.write('a', new Uint8Array(10));
    renameSync(folder, `${folder}.moved`);
    writeFileSync(folder, 'a file where the folder was');
    disk.write('b', new Uint8Array(10));
    disk.write('c', new Uint8Array(10));
    expect(said()).toHaveLength(1);
    expect(said()[0]).toMatch(/cannot write/);
  });

  it('still reads what is there when it cannot write any more', () => {
    const folder = newFolder();
    const said = warnings();
    run(cacheIn(folder), 2);
    const disk = new DiskCache({ folder, limit: 2 ** 30, environment: 'test' });
    // A name longer than file systems allow is a write that fails while the folder is as it was, for root as well.
    disk.write('a'.repeat(300), new Uint8Array(10));
    expect(said()).toHaveLength(1);
    expect(said()[0]).toMatch(/cannot write/);
    const key = disk.key(module(2));
    expect(disk.read(key)).toBeInstanceOf(Uint8Array);
    disk.write('b', new Uint8Array(10));
    expect(readdirSync(folder)).toEqual([`${key}.executable`]);
  });

  it('tells programs, flags and devices apart', () => {
    const folder = newFolder();
    run(cacheIn(folder));
    for (const [environment, n] of [
      ['other flags', 2],
      ['test', 3],
    ] as const) {
      const cache = cacheIn(folder, { environment });
      expectRight(run(cache, n));
      expect(cache.statistics).toMatchObject({ compilations: 1, misses: 1 });
    }
  });

  it('stays below its limit; what was used least recently goes first', () => {
    const folder = newFolder();
    run(cacheIn(folder), 1);
    const size = statSync(entries(folder)[0]).size;
    const limit = Math.ceil(4.5 * size);
    const cache = cacheIn(folder, { limit });
    for (const n of [2, 3, 4]) {
      run(cache, n);
      for (const path of entries(folder)) {
        const past = statSync(path).mtimeMs / 1000 - 60;
        utimesSync(path, past, past);
      }
    }
    run(cacheIn(folder), 1);
    run(cache, 5);
    const bytes = entries(folder).reduce((sum, path) => sum + statSync(path).size, 0);
    expect(bytes).toBeLessThanOrEqual(limit);
    const after = cacheIn(folder);
    for (const n of [1, 5]) run(after, n);
    expect(after.statistics.loads).toBe(2);
    run(after, 2);
    expect(after.statistics.compilations).toBe(1);
  });

  it('removes what a killed writer left, when it is old', () => {
    const folder = newFolder();
    mkdirSync(folder, { mode: 0o700 });
    const [old, young] = ['a.1.writing', 'b.2.writing'].map((name) => join(folder, name));
    for (const path of [old, young]) writeFileSync(path, 'half an ent');
    utimesSync(old, 0, 0);
    run(cacheIn(folder));
    expect(existsSync(old)).toBe(false);
    expect(existsSync(young)).toBe(true);
  });
});

describe('entries', () => {
  const key = '0f'.repeat(32);

  it('come back as they were', () => {
    for (const size of [0, 1, 1000]) {
      const payload = new Uint8Array(size).map((_, i) => i);
      expect([...decodeEntry(key, encodeEntry(key, payload))]).toEqual([...payload]);
    }
  });

  it('are refused with any byte changed, missing or added', () => {
    const entry = encodeEntry(key, Uint8Array.of(1, 2, 3, 4));
    for (let i = 0; i < entry.length; i++) {
      const changed = Uint8Array.from(entry);
      changed[i] ^= 1;
      expect(() => decodeEntry(key, changed)).toThrow();
      expect(() => decodeEntry(key, entry.slice(0, i))).toThrow();
    }
    expect(() => decodeEntry(key, Buffer.concat([entry, Buffer.of(0)]))).toThrow(/checksum/);
    expect(() => decodeEntry('00'.repeat(32), entry)).toThrow(/another program/);
  });
});

describe('environment', () => {
  it('lists the wheels around a plugin, if it was installed as one', () => {
    const root = mkdtempSync(join(tmpdir(), 'plugin-'));
    const packages = join(root, 'site-packages');
    mkdirSync(join(packages, 'nvidia_cublas-1.0.dist-info'), { recursive: true });
    expect(graphics(join(packages, 'jax_plugins', 'xla_cuda13', 'plugin.so'), {})).toMatchObject({
      wheels: ['nvidia_cublas-1.0.dist-info'],
    });
    for (const path of [
      join(root, 'a', 'b', 'plugin.so'),
      '/plugin.so',
      'plugin.so',
      join(root, 'gone', 'a', 'b', 'c.so'),
    ])
      expect(graphics(path, { LD_LIBRARY_PATH: '/x' })).toMatchObject({ wheels: [], libraries: '/x' });
  });
});

describe('settings', () => {
  it('name the folder', () => {
    expect(cacheFolder({ PRIMAL_CACHE: 'off' })).toBeUndefined();
    expect(cacheFolder({ PRIMAL_CACHE: '/x' })).toBe('/x');
    expect(cacheFolder({ XDG_CACHE_HOME: '/c' })).toBe('/c/primal-attention/executables');
    expect(cacheFolder({})).toMatch(/\.cache\/primal-attention\/executables$/);
  });

  it('limit the size', () => {
    expect(cacheLimit({})).toBe(2 ** 31);
    expect(cacheLimit({ PRIMAL_CACHE_LIMIT: '1.5M' })).toBe(1.5 * 2 ** 20);
    expect(cacheLimit({ PRIMAL_CACHE_LIMIT: '1000' })).toBe(1000);
    expect(() => cacheLimit({ PRIMAL_CACHE_LIMIT: 'much' })).toThrow(/500M or 2G.*'much'/);
  });
});

describe('processes', () => {
  const script = fileURLToPath(new URL('../testing/train-once.mjs', import.meta.url));

  interface Outcome {
    status: number | null;
    stderr: string;
    result: { loss: number; compilations: number; loads: number } | undefined;
  }

  function train(env: NodeJS.ProcessEnv, limits = ''): Promise<Outcome> {
    return new Promise((resolve, reject) => {
      const child = spawn('sh', ['-c', `${limits} exec "$0" "$1"`, process.execPath, script], {
        env: { ...process.env, PRIMAL_LOG: 'cache', ...env },
      });
      let [stdout, stderr] = ['', ''];
      child.stdout.on('data', (data) => {
        stdout += data;
      });
      child.stderr.on('data', (data) => {
        stderr += data;
      });
      child.on('error', reject);
      child.on('close', (status) => {
        resolve({ status, stderr, result: stdout === '' ? undefined : JSON.parse(stdout) });
      });
    });
  }

  it('reach their first training step without compiling, when another one did', async () => {
    const env = { PRIMAL_CACHE: newFolder() };
    const first = await train(env);
    expect(first).toMatchObject({ status: 0, result: { loads: 0 } });
    expect(first.result!.compilations).toBeGreaterThan(0);
    const second = await train(env);
    expect(second).toMatchObject({
      status: 0,
      result: { compilations: 0, loads: first.result!.compilations, loss: first.result!.loss },
    });
    expect(second.stderr).toMatch(/primal cache: hit [0-9a-f]{12}/);
    const flags = await train({ ...env, XLA_FLAGS: '--xla_cpu_enable_fast_math=false' });
    expect(flags).toMatchObject({ status: 0, result: { loads: 0 } });
    const off = await train({ PRIMAL_CACHE: 'off' });
    expect(off).toMatchObject({ status: 0, result: { loads: 0, loss: first.result!.loss } });
  });

  it('write at once, and nothing is spoilt', async () => {
    const env = { PRIMAL_CACHE: newFolder() };
    const outcomes = await Promise.all([train(env), train(env), train(env)]);
    for (const { status, stderr, result } of outcomes) {
      expect({ status, loss: result?.loss }).toEqual({ status: 0, loss: outcomes[0].result!.loss });
      expect(stderr).not.toMatch(/Warning/);
    }
    expect(await train(env)).toMatchObject({ status: 0, result: { compilations: 0 } });
    expect(readdirSync(env.PRIMAL_CACHE).filter((name) => name.endsWith('.writing'))).toEqual([]);
  });

  it('go on with one warning when the disk is full', async () => {
    // A limit on the size of files has the effect of a full disk, and holds for root as well.
    const env = { PRIMAL_CACHE: newFolder() };
    const { status, stderr, result } = await train(env, 'ulimit -f 1;');
    expect(status).toBe(0);
    expect(result!.loss).toBeGreaterThan(0);
    expect(stderr.match(/cannot write to/g)).toHaveLength(1);
    expect(readdirSync(env.PRIMAL_CACHE)).toEqual([]);
  });

  it('survive another that was killed while it wrote', async () => {
    const env = { PRIMAL_CACHE: newFolder() };
    const { result } = await train(env);
    const [path] = entries(env.PRIMAL_CACHE);
    // What a writer leaves that is killed half-way.
    writeFileSync(`${path}.1234.writing`, readFileSync(path).subarray(0, 1000));
    expect(await train(env)).toMatchObject({ status: 0, result: { compilations: 0, loss: result!.loss } });
  });
});
