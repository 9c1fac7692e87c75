import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';

/** A sum that somebody states for a file. */
export interface Checksum {
  readonly algorithm: 'md5' | 'sha1' | 'sha256';
  /** Lower-case hexadecimal. */
  readonly value: string;
  /** Who states it. */
  readonly from: string;
}

/** The sum of a file's bytes, read as a stream. */
export async function sumOfFile(path: string, algorithm: Checksum['algorithm'] = 'sha256'): Promise<string> {
  return sumOf(createReadStream(path), algorithm);
}

/** The sum of a stream of bytes. */
export async function sumOf(
  bytes: AsyncIterable<Uint8Array>,
  algorithm: Checksum['algorithm'] = 'sha256',
): Promise<string> {
  const hash = createHash(algorithm);
  for await (const piece of bytes) hash.update(piece);
  return hash.digest('hex');
}
