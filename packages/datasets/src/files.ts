import type { Buffer } from 'node:buffer';
import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { archiveMembers, readUnpacked } from './archives/index.js';

/** A file of a set, as it lies there: plain, packed, or in a zip archive. */
export interface FoundFile {
  /** The file on the disk. */
  readonly path: string;
  /** The name in it, where `path` is an archive. */
  readonly member?: string;
  /** For messages. */
  readonly where: string;
  /** The content, unpacked. */
  read(): Promise<Buffer>;
}

const packed = ['', '.gz', '.xz'];

/**
 * The file NAME of a set: `folder/NAME`, `NAME.gz`, `NAME.xz`, else the member called NAME of a zip archive in `folder` or among
 * `archives`, whatever folder it is in there.
 */
export async function findFile(
  folder: string,
  name: string,
  archives: readonly string[] = [],
): Promise<FoundFile | undefined> {
  for (const ending of packed) {
    const path = join(folder, name + ending);
    if (existsSync(path)) return { path, where: path, read: () => readUnpacked(path) };
  }
  for (const archive of [...(await zipsIn(folder)), ...archives.filter((path) => existsSync(path))]) {
    for await (const member of archiveMembers(archive)) {
      if (basename(member.path) !== name || member.path.startsWith('__MACOSX/')) continue;
      return {
        path: archive,
        member: member.path,
        where: member.where,
        read: () => readMember(archive, member.path),
      };
    }
  }
  return undefined;
}

async function zipsIn(folder: string): Promise<string[]> {
  if (!existsSync(folder)) return [];
  const names = (await readdir(folder)).filter((name) => name.toLowerCase().endsWith('.zip'));
  return names.sort().map((name) => join(folder, name));
}

async function readMember(archive: string, path: string): Promise<Buffer> {
  for await (const member of archiveMembers(archive)) if (member.path === path) return member.bytes();
  throw new Error(`${archive}: the member ${path} was there a moment ago, now it is not`);
}
