import { createHash } from 'node:crypto';

/**
 * A file of the cache: the marker, the SHA-256 of what it was compiled from (its key), the SHA-256 of the executable,
 * and the executable.
 */
const marker = Buffer.from('PRIMALX1');
const digestBytes = 32;
const payloadStart = marker.length + 2 * digestBytes;

/** The file for an executable. `key` is a SHA-256 in hexadecimal. */
export function encodeEntry(key: string, payload: Uint8Array): Uint8Array {
  return Buffer.concat([marker, Buffer.from(key, 'hex'), sha256(payload), payload]);
}

/**
 * The executable in a file. Loading a damaged one can end the process, so nothing is returned unless every byte is as it
 * was written, for this key.
 *
 * @throws Error that says what is wrong with the file
 */
export function decodeEntry(key: string, file: Uint8Array): Uint8Array {
  const bytes = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  if (bytes.length < payloadStart || !bytes.subarray(0, marker.length).equals(marker)) {
    throw new Error('it is no cache entry, or was cut off');
  }
  const keyEnd = marker.length + digestBytes;
  if (bytes.subarray(marker.length, keyEnd).toString('hex') !== key) {
    throw new Error('it belongs to another program');
  }
  const payload = bytes.subarray(payloadStart);
  if (!bytes.subarray(keyEnd, payloadStart).equals(sha256(payload))) {
    throw new Error('its checksum is wrong: it is damaged or was cut off');
  }
  return payload;
}

function sha256(data: Uint8Array): Buffer {
  return createHash('sha256').update(data).digest();
}
