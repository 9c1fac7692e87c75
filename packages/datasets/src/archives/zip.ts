import type { Readable } from 'node:stream';
import { crc32 } from 'node:zlib';
import { type Entry, openPromise } from 'yauzl';
import type { Bytes } from './bytes.js';

/** A file in a zip archive. */
export interface ZipMember {
  path: string;
  size: number;
  bytes: Bytes;
}

/**
 * The files of a zip archive, in the order of its directory. Each member is read and inflated only when its bytes are asked
 * for, and its length and CRC-32 are checked at their end. Folders are passed over, encrypted members are refused.
 */
export async function* zipMembers(path: string, fail: (reason: string) => never): AsyncGenerator<ZipMember> {
  const archive = await openPromise(path, { autoClose: false, strictFileNames: true }).catch((error: Error) =>
    broken(error, fail),
  );
  try {
    const entries = archive.eachEntry();
    for (;;) {
      const { done, value: entry } = await entries.next().catch((error: Error) => broken(error, fail));
      if (done) return;
      if (entry.fileName.endsWith('/')) continue;
      if (entry.isEncrypted()) fail(`member ${entry.fileName} is encrypted`);
      yield {
        path: entry.fileName,
        size: entry.uncompressedSize,
        bytes: checked(() => archive.openReadStreamPromise(entry), entry, fail),
      };
    }
  } finally {
    archive.close();
  }
}

async function* checked(
  start: () => Promise<Readable>,
  entry: Entry,
  fail: (reason: string) => never,
): AsyncGenerator<Uint8Array> {
  let sum = 0;
  try {
    for await (const piece of await start()) {
      sum = crc32(piece, sum);
      yield piece;
    }
  } catch (error) {
    fail(`member ${entry.fileName} is damaged (${(error as Error).message}): fetch the archive again`);
  }
  if (sum >>> 0 !== entry.crc32 >>> 0) {
    fail(`member ${entry.fileName} is damaged (wrong CRC-32): fetch the archive again`);
  }
}

function broken(error: Error, fail: (reason: string) => never): never {
  fail(`the zip archive is truncated or damaged, or a name in it is unsafe (${error.message})`);
}
