import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { chmod, copyFile, cp, mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { extractArchive } from '../archives/index.js';
import { dataFolder } from '../data-folder.js';
import { type DownloadOptions, download } from './download.js';
import { publish, syncFile } from './publish.js';
import type { PresentFile, Source, SourceDownload } from './registry.js';
import { verifyFile } from './verify.js';

/** Options of {@link getSource}. */
export interface GetOptions extends Omit<DownloadOptions, 'progress'> {
  /** Where to put it. Default: `dataFolder()`. */
  folder?: string;
  /** A folder laid out like the data folder, to copy from instead of downloading. */
  from?: string;
  /** Called as bytes arrive. */
  progress?: (place: string, done: number, total: number | undefined) => void;
}

/**
 * Puts a set into the data folder: copies it from a mirror folder, downloads it from its official source, or generates it.
 *
 * Files are verified before they get their names, and no file that is there is replaced. @returns what was done, line by line
 */
export async function getSource(source: Source, options: GetOptions = {}): Promise<string[]> {
  const folder = options.folder ?? dataFolder();
  if (options.from !== undefined) return copySource(source, options.from, folder);
  const { files, missing } = await source.find(folder);
  if (missing.length === 0) {
    const where = files.length > 0 ? files.map(({ path }) => path).join(', ') : 'generated';
    return [`${source.name} is there already: ${where}`];
  }
  if (source.generate) return [await source.generate(options.say ?? (() => {}))];
  if (source.downloads.length === 0) {
    throw new Error(`${source.name} cannot be downloaded: ${source.byHand}. See ${source.page}`);
  }
  const lines: string[] = [];
  for (const file of source.downloads) {
    const path = join(folder, file.place);
    if (existsSync(path)) lines.push(`${path} was there already`);
    else lines.push(await fetchOne(file, path, options));
    if (file.unpack) lines.push(await unpack(file, path, folder, options));
  }
  return lines;
}

async function fetchOne(file: SourceDownload, path: string, options: GetOptions): Promise<string> {
  const { bytes, sha256, verifiedBy } = await download(file, path, {
    ...options,
    progress: (done, total) => options.progress?.(file.place, done, total),
  });
  const trust =
    verifiedBy === 'first use'
      ? 'no official checksum is known to us: this one is recorded, and later checks compare with it'
      : `verified by ${verifiedBy}`;
  return `${path}: ${bytes} bytes, SHA-256 ${sha256}; ${trust}`;
}

async function unpack(
  { unpack }: SourceDownload,
  archive: string,
  folder: string,
  options: GetOptions,
): Promise<string> {
  const target = join(folder, unpack!.folder);
  if (existsSync(target)) return `${target} was there already`;
  options.say?.(`unpacking ${archive} into ${target}`);
  const count = await extractArchive(archive, target, { place: unpack!.pick });
  return `${target}: ${count} files, unpacked from ${archive}`;
}

async function copySource(source: Source, from: string, folder: string): Promise<string[]> {
  if (!existsSync(from)) throw new Error(`${from} does not exist: --from names a folder to copy from`);
  const { files, missing } = await source.find(from);
  if (files.length === 0) {
    throw new Error(`${source.name} is not in ${from}: looked for ${missing.join(', ')}`);
  }
  const lines: string[] = [];
  for (const file of files) {
    if (relative(from, file.path).startsWith('..')) {
      lines.push(`${file.path} needs no copy: it is part of this package`);
      continue;
    }
    const target = join(folder, file.place);
    if (existsSync(target)) {
      lines.push(`${target} was there already`);
      continue;
    }
    lines.push(await copyOne(source, file, target));
  }
  if (missing.length > 0) lines.push(`${from} does not have: ${missing.join(', ')}`);
  return lines;
}

async function copyOne(source: Source, file: PresentFile, target: string): Promise<string> {
  const temporary = `${target.replace(/\/$/, '')}.${randomUUID()}.tmp`;
  await mkdir(dirname(temporary), { recursive: true });
  try {
    if ((await stat(file.path)).isDirectory()) {
      await cp(file.path, temporary, { recursive: true, errorOnExist: true, force: false });
      await rename(temporary, target);
      return `${target}: copied; the files of a folder are not compared with checksums`;
    }
    await copyFile(file.path, temporary);
    await chmod(temporary, 0o644); // a mirror's files may be for reading only
    await syncFile(temporary);
    const verdict = await verifyFile(source, { path: temporary, place: file.place });
    if (verdict.kind === 'wrong') throw new Error(`${file.path} is not copied: ${verdict.note}`);
    if (!(await publish(temporary, target))) return `${target} came up meanwhile: it was kept`;
    const trust = verdict.kind === 'unknown' ? 'no checksum is known to us' : `checksum ${verdict.kind}`;
    return `${target}: copied, SHA-256 ${verdict.sha256}; ${trust}`;
  } catch (error) {
    await rm(temporary, { recursive: true, force: true });
    throw error;
  }
}
