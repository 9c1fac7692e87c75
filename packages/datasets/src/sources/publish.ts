import { link, open, rename, rm } from 'node:fs/promises';
import { dirname } from 'node:path';

/**
 * Gives a finished file its name, without ever replacing another: of two writers one wins.
 *
 * @returns false if the name was taken (the temporary file is gone in either case)
 */
export async function publish(temporary: string, path: string): Promise<boolean> {
  try {
    await link(temporary, path); // unlike rename, it fails where something is
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') {
      await rm(temporary);
      return false;
    }
    // File systems without hard links: rename replaces a file that came up in between, by one of the same kind.
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
    await rename(temporary, path);
    await syncFolder(dirname(path));
    return true;
  }
  await rm(temporary);
  await syncFolder(dirname(path));
  return true;
}

/** Puts the bytes of a file onto the disk. */
export async function syncFile(path: string): Promise<void> {
  const file = await open(path, 'r+');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Puts a folder's names onto the disk. Windows has no such call. */
export async function syncFolder(folder: string): Promise<void> {
  if (process.platform === 'win32') return;
  const handle = await open(folder, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
