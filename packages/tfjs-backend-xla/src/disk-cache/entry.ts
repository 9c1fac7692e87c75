import { createHash, webcrypto } from 'node:crypto';

/**
 * A file of the cache: the marker, the SHA-256 of what it was compiled from (its key), the SHA-256 of the executable,
 * and the executable.
 */
const marker = Buffer.from('PRIMALX1');
const digestBytes = 32;
const payloadStart = marker.length + 2 * digestBytes;

/** The file for an executable. `key` is a SHA-256 in hexadecimal. */
export function encodeEntry(key: string, payload: Uint8Array): Uint8Array {
  return entryOf(key, sha256(payload), payload);
}

/** Like {@link encodeEntry}, with the checksum taken on another thread. */
export async function encodeEntryAsync(key: string, payload: Uint8Array): Promise<Uint8Array> {
  return entryOf(key, await sha256Async(payload), payload);
}

function entryOf(key: string, checksum: Uint8Array, payload: Uint8Array): Uint8Array {
  return Buffer.concat([marker, Buffer.from(key, 'hex'), checksum, payload]);
}

/**
 * The executable in a file. Loading a damaged one can end the process, so nothing is returned unless every byte is as it
 * was written, for this key.
 *
 * @throws Error that says what is wrong with the file
 */
export function decodeEntry(key: string, file: Uint8Array): Uint8Array {
  const { payload, checksum } = partsOf(key, file);
  compare(checksum, sha256(payload));
  return payload;
}

/** Like {@link decodeEntry}, with the checksum taken on another thread. */
export async function decodeEntryAsync(key: string, file: Uint8Array): Promise<Uint8Array> {
  const { payload, checksum } = partsOf(key, file);
  compare(checksum, await sha256Async(payload));
  return payload;
}

function partsOf(key: string, file: Uint8Array): { payload: Buffer; checksum: Buffer } {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < payloadStart || !bytes.subarray(0, marker.length).equals(marker)) {
    throw new Error('it is no cache entry, or was cut off');
  }
  const keyEnd = marker.length + digestBytes;
  if (bytes.subarray(marker.length, keyEnd).toString('hex') !== key) {
    throw new Error('it belongs to another program');
  }
  return { payload: bytes.subarray(payloadStart), checksum: bytes.subarray(keyEnd, payloadStart) };
}

function compare(expected: Buffer, actual: Uint8Array): void {
  if (!expected.equals(actual)) throw new Error('its checksum is wrong: it is damaged or was cut off');
}

function sha256(data: Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}

/** SHA-256 on a thread of libuv's pool. */
export async function sha256Async(data: Uint8Array): Promise<Buffer> {
  return Buffer.from(await webcrypto.subtle.digest('SHA-256', data));
}
