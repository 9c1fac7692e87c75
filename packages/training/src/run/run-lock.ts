import {
  linkSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';

/** Who trains in a folder, as it says itself. */
interface Holder {
  readonly host: string;
  readonly pid: number;
  /** When the process began, which tells it from a later one with the same number; null where the system does not say. */
  readonly began: string | null;
  /** Tells the trainings of one process apart. */
  readonly id: string;
}

/** Another process trains in the folder at this moment. */
export class RunInUseError extends Error {
  override readonly name = 'RunInUseError';
}

/** There only while a process trains in the folder, or after one was killed. As `*.tmp` it is no part of the run. */
const lockName = 'in-use.tmp';
const heartbeatMs = 10_000;
/** A process on another machine cannot be asked whether it lives: its last heartbeat decides. */
const silentMs = 120_000;

/**
 * Makes this process the only one that trains in `directory`, until the returned function is called or the process ends.
 *
 * What a killed process left is taken over. So is what this process holds itself: the interrupt of a notebook abandons a
 * training without an end.
 *
 * @throws RunInUseError naming the process that trains there
 */
export function lockRunFolder(directory: string): () => void {
  const path = join(directory, lockName);
  const own: Holder = {
    ...{ host: hostname(), pid: process.pid, began: beginningOf(process.pid) ?? null },
    id: `${performance.timeOrigin}.${performance.now()}`,
  };
  const text = JSON.stringify(own);
  const isOurs = (): boolean => readText(path) === text;
  do {
    while (!created(path, text)) {
      refuseRunFolderInUse(directory);
      takeAway(path);
    }
    removeLeft(directory);
    // Not so if another process was just looking whether this lock is the one that was left.
  } while (!isOurs());
  const heartbeat = setInterval(() => {
    const now = new Date();
    if (isOurs()) utimesSync(path, now, now);
  }, heartbeatMs);
  heartbeat.unref();
  return () => {
    clearInterval(heartbeat);
    if (isOurs()) rmSync(path, { force: true });
  };
}

/** @throws RunInUseError naming the process, other than this one, that trains in `directory` */
export function refuseRunFolderInUse(directory: string): void {
  const path = join(directory, lockName);
  const text = readText(path);
  const since = statSync(path, { throwIfNoEntry: false })?.mtimeMs;
  if (text === undefined || since === undefined) return;
  const silentFor = Date.now() - since;
  const holder = parse(text);
  if (holder?.host === hostname()) {
    const isOurs = holder.pid === process.pid;
    // One that cannot be asked for its beginning is taken for the one that wrote the file.
    const lives = !isOurs && isAlive(holder.pid) && (beginningOf(holder.pid) ?? null) === holder.began;
    if (!lives) return;
  } else if (silentFor > silentMs) return;
  const who =
    holder === undefined
      ? 'another process'
      : `process ${holder.pid}${holder.host === hostname() ? '' : ` on ${holder.host}`}`;
  throw new RunInUseError(
    `train: ${who} is training in ${directory} at this moment; wait for it, stop it, or choose another directory. ` +
      `If it has ended, delete ${path}`,
  );
}

/**
 * Makes the lock, which is whole from the beginning: a process that is killed between making an empty file and writing it
 * would keep others out.
 *
 * @returns false when there is one
 */
function created(path: string, text: string): boolean {
  const draft = `${path}.${process.pid}.new`;
  writeFileSync(draft, text);
  try {
    linkSync(draft, path);
    return true;
  } catch (error) {
    // Without its draft: another process has the lock, and has tidied up.
    if (['EEXIST', 'ENOENT'].includes((error as NodeJS.ErrnoException).code!)) return false;
    return createdWithoutLinks(path, text);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Some file systems have no links. */
function createdWithoutLinks(path: string, text: string): boolean {
  try {
    writeFileSync(path, text, { flag: 'wx' });
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Removes what processes that were killed at work on a lock left beside it. */
function removeLeft(directory: string): void {
  for (const name of readdirSync(directory)) {
    if (name.startsWith(`${lockName}.`)) rmSync(join(directory, name), { force: true });
  }
}

/** Takes a left lock away, unless another process has just replaced it by its own. */
function takeAway(path: string): void {
  const left = readText(path);
  const aside = `${path}.${process.pid}.old`;
  try {
    renameSync(path, aside);
    if (readText(aside) === left) rmSync(aside, { force: true });
    else renameSync(aside, path);
  } catch (error) {
    // Gone already: others take it away, too, or tidy up.
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}

/** Undefined where the file was just made and is not yet written, or was left so by a crash. */
function parse(text: string): Holder | undefined {
  try {
    return JSON.parse(text) as Holder;
  } catch {
    return undefined;
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** The tick at which a process began, by Linux's count; undefined elsewhere, and of one that has ended. */
function beginningOf(pid: number): string | undefined {
  if (process.platform !== 'linux') return undefined;
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the name, which is in brackets and may hold anything, come the fields from the third on; the start is the 22nd.
    const [state, ...rest] = fields.slice(fields.lastIndexOf(')') + 2).split(' ');
    // A zombie has ended, though nobody has asked for its exit code.
    return state === 'Z' ? undefined : rest[18];
  } catch {
    return undefined;
  }
}
