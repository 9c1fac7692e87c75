import { readFileSync, unlinkSync } from 'node:fs';
import { open, rm } from 'node:fs/promises';

/**
 * Runs `work` while no other process does under the same name. The lock of a process that is no longer alive is taken over.
 *
 * @throws if a living process holds it; `what` says what that process is doing
 */
export async function withLock<T>(path: string, what: string, work: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(String(process.pid));
      await file.close();
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const holder = holderOf(path);
      if (holder !== undefined || attempt > 2) {
        throw new Error(
          `process ${holder ?? '?'} is ${what}: wait for it, or remove ${path} if it is not so`,
        );
      }
      await rm(path, { force: true });
    }
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
