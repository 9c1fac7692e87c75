import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { lockRunFolder, RunInUseError, refuseRunFolderInUse } from './run-lock.js';

const script = fileURLToPath(new URL('../testing/killed-run.mjs', import.meta.url));

let folder: string;
let children: ChildProcess[];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'primal-lock-'));
  children = [];
});
afterEach(() => {
  for (const child of children) child.kill('SIGKILL');
  rmSync(folder, { recursive: true });
});

const path = (): string => join(folder, 'in-use.tmp');
const names = (): string[] => readdirSync(folder);

/** A run in a process of its own that trains for longer than this test takes. */
async function trainElsewhere(): Promise<ChildProcess> {
  const child = spawn(process.execPath, [script, folder, '20000'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  await once(child.stdout!, 'data');
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
