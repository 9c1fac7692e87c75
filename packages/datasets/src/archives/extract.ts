import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, open, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type ArchiveOptions, archiveMembers } from './members.js';

/** Options of {@link extractArchive}. */
export interface ExtractOptions extends ArchiveOptions {
  /** Where a member goes below the folder; undefined leaves it out. Default: its own path. */
  place?: (path: string) => string | undefined;
}

/**
 * Unpacks an archive into a folder that must not exist, whole or not at all: into a folder beside it, which is renamed when the
 * archive has been read to its end. @returns how many files it has
 */
export async function extractArchive(
  path: string,
  folder: string,
  options: ExtractOptions = {},
): Promise<number> {
  if (existsSync(folder)) throw new Error(`${folder} exists already: remove it to unpack ${path} again`);
  const temporary = `${folder}.${randomUUID()}.partial`;
  let files = 0;
  try {
    await mkdir(temporary, { recursive: true });
    for await (const member of archiveMembers(path, options)) {
      const place = options.place ? options.place(member.path) : member.path;
      if (place === undefined) continue;
      const target = join(temporary, place);
      await mkdir(dirname(target), { recursive: true });
      const file = await open(target, 'wx');
      try {
        for await (const piece of member.stream()) await file.writeFile(piece);
        await file.datasync();
      } finally {
        await file.close();
      }
      files++;
    }
    if (files === 0) throw new Error(`${path}: no file to unpack`);
    await rename(temporary, folder);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
  return files;
}
