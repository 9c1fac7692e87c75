import { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import xz from 'xz-decompress';

/** Bytes in pieces, in order. Leaving the loop closes what they come from. */
export type Bytes = AsyncIterable<Uint8Array>;

/** How a file is packed, told by its first bytes. */
export type Packing = 'gzip' | 'xz' | 'zip' | 'none';

/** The most bytes that one call holds in memory, unless told otherwise: a small file may unpack to a very large one. */
export const defaultLimit = 2 ** 31;

const packings: ReadonlyArray<[Packing, endings: readonly string[], start: readonly number[]]> = [
  ['gzip', ['.gz', '.tgz'], [0x1f, 0x8b]],
  ['xz', ['.xz', '.txz'], [0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00]],
  ['zip', ['.zip'], [0x50, 0x4b]],
];

/**
 * How the file is packed.
 *
 * @param name its name, where it does not have it yet
 * @throws if its name says one thing and its first bytes another, such as a page of a web server under the name of an archive
 */
export async function packingOf(path: string, name = path): Promise<Packing> {
  const file = await open(path, 'r');
  let start: Buffer;
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(6), 0, 6, 0);
    start = buffer.subarray(0, bytesRead);
  } finally {
    await file.close();
  }
  const is = packings.find(([, , magic]) => magic.every((byte, index) => start[index] === byte));
  const named = packings.find(([, endings]) => endings.some((ending) => name.toLowerCase().endsWith(ending)));
  if (named && is !== named) {
    const got = start.length === 0 ? 'is empty' : `begins with the bytes ${start.toString('hex', 0, 6)}`;
    throw new Error(
      `${name}: a ${named[0]} file by its name, but it ${got}${is ? ` (${is[0]})` : ''}: fetch it again`,
    );
  }
  return is?.[0] ?? 'none';
}

/**
 * The content of a file, unpacked where it is gzip or xz (told by its first bytes), as a stream.
 *
 * A truncated or damaged file fails in the loop with the file's name, never with a shorter content: both formats carry
 * checksums. Of several gzip or xz streams in one file all are read. One xz file at a time: a second waits until the first is
 * read to its end or left (the decoder is one WebAssembly instance).
 */
export async function* fileBytes(path: string): AsyncGenerator<Uint8Array> {
  const packing = await packingOf(path);
  if (packing === 'zip')
    throw new Error(`${path}: a zip archive has no content of its own: read its members`);
  try {
    yield* unpack(path, packing);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    // The system's own messages name the file.
    if (packing === 'none' || code?.startsWith('E')) throw error;
    const reason = xzErrors[/error code (\d+)/.exec(message)?.[1] ?? ''] ?? message;
    throw new Error(`${path}: the ${packing} data is truncated or damaged (${reason}): fetch it again`, {
      cause: error,
    });
  }
}

// The codes of xz-embedded's `enum xz_ret`.
const xzErrors: Readonly<Record<string, string>> = {
  2: 'an unknown kind of checksum',
  3: 'out of memory',
  4: 'the dictionary is too large',
  5: 'not an xz file',
  6: 'uses a filter that is not supported',
  7: 'wrong bytes',
  8: 'it ends too early',
};

async function* unpack(path: string, packing: Packing): AsyncGenerator<Uint8Array> {
  const file = createReadStream(path, { highWaterMark: 2 ** 16 });
  if (packing === 'none') {
    yield* file;
  } else if (packing === 'gzip') {
    // The callback is where a failure would go as well; the loop reports it.
    yield* pipeline(file, createGunzip({ chunkSize: 2 ** 18 }), () => {});
  } else {
    const unpacked = new xz.XzReadableStream(Readable.toWeb(file) as ReadableStream<Uint8Array>);
    try {
      for await (const piece of unpacked as unknown as Bytes) if (piece.length > 0) yield piece;
    } finally {
      file.destroy();
    }
  }
}

/** All bytes in one piece. @throws as soon as there are more than `limit`, which guards against a small file that unpacks to a very large one */
export async function collect(bytes: Bytes, name: string, limit = defaultLimit): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let total = 0;
  for await (const piece of bytes) {
    total += piece.length;
    if (total > limit) throw new Error(`${name}: more than ${limit} bytes when unpacked: refused`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces, total);
}

/** The whole content of a file, unpacked as {@link fileBytes} does. */
export function readUnpacked(path: string, limit = defaultLimit): Promise<Buffer> {
  return collect(fileBytes(path), path, limit);
}
