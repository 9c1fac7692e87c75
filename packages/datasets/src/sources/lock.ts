import { randomUUID } from 'node:crypto';
import { readFileSync, unlinkSync } from 'node:fs';
import { link, rename, rm, writeFile } from 'node:fs/promises';

/**
 * Runs `work` while no other process does under the same name. The lock of a process that is no longer alive is taken over.
 *
 * @throws if a living process holds it; `what` says what that process is doing
 */
export async function withLock<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; !(await take(path)); attempt++) {
    const holder = holderOf(path);
    if (holder !== undefined || attempt > 2) {
      throw new Error(`process ${holder ?? '?'} is ${what}: wait for it, or remove ${path} if it is not so`);
    }
    await removeStale(path);
  }
  const release = (): void => {
    try {
      unlinkSync(path);
    } catch {
      // Gone already: nothing to release.
    }
  };
  process.once('exit', release);
  try {
    return await work();
  } finally {
    process.off('exit', release);
    release();
  }
}

/** The file comes up with its content: an empty one would look like that of a process which is gone. */
async function take(path: string): Promise<boolean> {
  const own = `${path}.${randomUUID()}`;
  await writeFile(own, String(process.pid));
  try {
    await link(own, path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await rm(own, { force: true });
  }
}

/** Of several processes that find the same one, only one moves it away. */
async function removeStale(path: string): Promise<void> {
  const aside = `${path}.${randomUUID()}`;
  try {
    await rename(path, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  // It may have been replaced since it was looked at.
  if (holderOf(aside) !== undefined) await link(aside, path).catch(() => {});
  await rm(aside, { force: true });
}

function holderOf(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    if (!Number.isInteger(pid) || pid <= 0) return undefined;
    process.kill(pid, 0); // asks only
    return pid;
  } catch (error) {
    // Not allowed to signal it: it lives.
    return (error as NodeJS.ErrnoException).code === 'EPERM' ? 0 : undefined;
  }
}
