import { createHash } from 'node:crypto';
import { readdir, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { sumOfFile } from '../sources/checksum.js';
import type { SourceSum } from './manifest.js';

/**
 * The sum of a file's bytes. A folder is summed up by the paths, sizes and times of all files in it: hundreds of thousands of
 * small files would take longer to read than to process.
 */
export async function sourceSum(path: string, name: string): Promise<SourceSum> {
  const info = await stat(path);
  if (info.isFile()) return { name, sha256: await sumOfFile(path) };
  const hash = createHash('sha256');
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  for (const file of files.sort()) {
    const { size, mtimeMs } = await stat(file);
    hash.update(`${relative(path, file)}\0${size}\0${mtimeMs}\n`);
  }
  return { name, sha256: hash.digest('hex') };
}
