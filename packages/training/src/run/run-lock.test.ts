import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lockRunFolder, RunInUseError, refuseRunFolderInUse } from './run-lock.js';

/** What linkSync throws, as on a file system without links; undefined where it works. */
let linkError: NodeJS.ErrnoException | undefined;
vi.mock('node:fs', async (original) => {
  const fs = await original<typeof import('node:fs')>();
  const linkSync: typeof fs.linkSync = (...paths) => {
    if (linkError !== undefined) throw linkError;
    fs.linkSync(...paths);
  };
  return { ...fs, linkSync };
});

const scriptPath = (name: string): string => fileURLToPath(new URL(`../testing/${name}`, import.meta.url));

let folder: string;
let children: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'primal-lock-'));
  children = [];
});
afterEach(() => {
  linkError = undefined;
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const path = (): string => join(folder, 'in-use.tmp');
const names = (): string[] => readdirSync(folder);

/** A script of `testing` in a process of its own, which has started. */
async function elsewhere(name: string, ...args: string[]): Promise<ChildProcess> {
  const child = spawn(process.execPath, [scriptPath(name), folder, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout!, 'data');
  return child;
}

/** A run that trains for longer than this test takes. */
async function trainElsewhere(): Promise<ChildProcess> {
  const child = await elsewhere('killed-run.mjs', '20000');
  while (!names().includes('metrics.jsonl')) await new Promise((resolve) => setTimeout(resolve, 20));
  return child;
}

describe('the folder of a run', () => {
  it('admits one process', async () => {
    const child = await trainElsewhere();
    expect(() => lockRunFolder(folder)).toThrow(RunInUseError);
    expect(() => refuseRunFolderInUse(folder)).toThrow(
      `train: process ${child.pid} is training in ${folder} at this moment; wait for it, stop it, or choose another directory`,
    );
    // A killed process keeps nobody out.
    child.kill('SIGKILL');
    await once(child, 'exit');
    expect(names()).toContain('in-use.tmp');
    refuseRunFolderInUse(folder);
    const release = lockRunFolder(folder);
    expect(JSON.parse(readFileSync(path(), 'utf8'))).toMatchObject({ pid: process.pid });
    release();
    expect(names()).not.toContain('in-use.tmp');
  });

  it('is not that of a later process with the same number', () => {
    const { host, began } = heldHere();
    writeFileSync(path(), JSON.stringify({ host, pid: process.ppid, began: `${began}0`, id: '1' }));
    lockRunFolder(folder)();
    expect(names()).toEqual([]);
  });

  it('is taken over from an abandoned training of the same process, whose end then changes nothing', () => {
    const abandoned = lockRunFolder(folder);
    const release = lockRunFolder(folder);
    abandoned();
    expect(names()).toEqual(['in-use.tmp']);
    release();
    expect(names()).toEqual([]);
  });

  it('admits one machine, by its heartbeat', () => {
    writeFileSync(path(), JSON.stringify({ ...heldHere(), host: 'elsewhere', pid: 7 }));
    expect(() => lockRunFolder(folder)).toThrow(
      /process 7 on elsewhere is training in .*delete .*in-use\.tmp/,
    );
    const silent = new Date(Date.now() - 200_000);
    utimesSync(path(), silent, silent);
    lockRunFolder(folder)();
    expect(names()).toEqual([]);
  });

  it('is free again whenever a process is killed, also at work on the lock', async () => {
    for (let i = 0; i < 20; i++) {
      const child = await elsewhere('locking.mjs');
      await new Promise((resolve) => setTimeout(resolve, 10 * Math.random()));
      child.kill('SIGKILL');
      await once(child, 'exit');
      lockRunFolder(folder)();
      expect(names()).toEqual([]);
    }
  });

  it('keeps nothing of processes that were killed while they took it or gave it back', () => {
    for (const left of ['7.new', '7.old']) writeFileSync(`${path()}.${left}`, '');
    const release = lockRunFolder(folder);
    expect(names()).toEqual(['in-use.tmp']);
    release();
    expect(names()).toEqual([]);
  });

  it('is locked on a file system without links, too', () => {
    linkError = Object.assign(new Error('not supported'), { code: 'ENOTSUP' });
    const release = lockRunFolder(folder);
    expect(JSON.parse(readFileSync(path(), 'utf8'))).toMatchObject({ pid: process.pid });
    writeFileSync(path(), JSON.stringify({ ...JSON.parse(readFileSync(path(), 'utf8')), host: 'elsewhere' }));
    expect(() => lockRunFolder(folder)).toThrow(RunInUseError);
    release();
    expect(names()).toEqual(['in-use.tmp']);
  });

  it('cannot be locked where nothing can be written', () => {
    expect(() => lockRunFolder(join(folder, 'missing'))).toThrow(/ENOENT.*missing/);
  });

  it('is held by a process that has not said who it is, for a while', () => {
    writeFileSync(path(), '');
    expect(() => lockRunFolder(folder)).toThrow('train: another process is training in');
  });
});

function heldHere(): { host: string; began: string | null } {
  const release = lockRunFolder(folder);
  const holder = JSON.parse(readFileSync(path(), 'utf8'));
  release();
  return holder;
}
