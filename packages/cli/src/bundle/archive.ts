import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  createReadStream,
  createWriteStream,
  existsSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { writeWhole } from '@primal-attention/experiment';
import * as tar from 'tar';

/** How an archive is compressed. */
export interface Compression {
  /** 0 to 9: tests need it quick. */
  readonly level: number;
  /** What the bytes are: machine code has jumps to be evened out, data has no alignment. */
  readonly of: 'machine code' | 'text' | 'bytes';
}

/**
 * Packs what is in a folder as `target`, a tar archive compressed by the program `xz`.
 *
 * @param limit bytes it may have
 * @throws Error when it is larger, or when there is no `xz`; nothing is left then
 */
export async function packFolder(
  folder: string,
  target: string,
  limit: number,
  compression: Compression,
): Promise<void> {
  const temporary = `${target}.tmp`;
  try {
    const xz = spawn('xz', ['--stdout', ...xzOptions(compression)], { stdio: ['pipe', 'pipe', 'inherit'] });
    const ended = new Promise<void>((resolve, reject) => {
      xz.on('error', (error) =>
        reject(new Error(`bundle: the program 'xz' is needed (package xz-utils): ${error.message}`)),
      );
      xz.on('close', (code) =>
        code === 0 ? resolve() : reject(new Error(`bundle: xz ended with code ${code}`)),
      );
    });
    const entries = readdirSync(folder).sort();
    const packed = tar.create({ cwd: folder, portable: true }, entries);
    await Promise.all([
      ended,
      pipeline(packed as unknown as NodeJS.ReadableStream, xz.stdin),
      pipeline(xz.stdout, createWriteStream(temporary)),
    ]);
    const { size } = statSync(temporary);
    if (size > limit) {
      throw new Error(
        `bundle: ${target} would have ${(size / 1e6).toFixed(1)} MB, and may have ${limit / 1e6}; leave something out`,
      );
    }
    renameSync(temporary, target);
  } finally {
    rmSync(temporary, { force: true });
  }
}

function xzOptions({ level, of }: Compression): string[] {
  const preset = level === 9 ? '9e' : `${level}`;
  switch (of) {
    case 'machine code':
      return ['--x86', `--lzma2=preset=${preset}`];
    case 'bytes':
      return [`--lzma2=preset=${preset},lc=4,pb=0`];
    case 'text':
      return [`--lzma2=preset=${preset},pb=0`];
  }
}

/** Writes `SHA256SUMS`, in the form that `sha256sum --check` reads, for all archives of a folder. */
export async function writeSums(folder: string): Promise<void> {
  const names = readdirSync(folder).filter((name) => name.endsWith('.tar.xz'));
  const lines: string[] = [];
  for (const name of names.sort()) lines.push(`${await sumOf(join(folder, name))}  ${name}\n`);
  writeWhole(join(folder, 'SHA256SUMS'), lines.join(''));
}

/** SHA-256 of a file. */
export async function sumOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/** The size of a file, for people. */
export function megabytesOf(path: string): string {
  return existsSync(path) ? `${(statSync(path).size / 1e6).toFixed(1)} MB` : 'missing';
}
