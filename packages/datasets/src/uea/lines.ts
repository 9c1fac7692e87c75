import { Buffer, isUtf8 } from 'node:buffer';
import type { Fail } from './ts-header.js';

/** The file's text as bytes; refuses what no format here is written in. */
export function textBytes(source: string | Uint8Array, fail: Fail): Buffer {
  const bytes =
    typeof source === 'string'
      ? Buffer.from(source, 'utf8')
      : Buffer.from(source.buffer, source.byteOffset, source.byteLength);
  const start = bytes.toString('latin1', 0, 2);
  if (start === '\xff\xfe' || start === '\xfe\xff') fail(0, 'the file is UTF-16: save it as UTF-8');
  return bytes;
}

/**
 * All lines, trimmed, with their numbers from 1; UTF-8, or Latin-1 where the file is not valid UTF-8; CRLF and a byte-order mark
 * go. Decoded one at a time, so that no label keeps the whole text in memory.
 */
export function* trimmedLines(bytes: Buffer): IterableIterator<[line: number, text: string]> {
  const encoding = isUtf8(bytes) ? 'utf8' : 'latin1';
  const mark = bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf;
  let start = mark ? 3 : 0;
  for (let line = 1; start < bytes.length; line++) {
    const newline = bytes.indexOf(0x0a, start);
    const end = newline < 0 ? bytes.length : newline;
    yield [line, bytes.toString(encoding, start, end).trim()];
    start = end + 1;
  }
}

/** Lines with content: neither blank nor a comment, which begins with `comment`. */
export function* contentLines(
  bytes: Buffer,
  comment: string,
): IterableIterator<[line: number, text: string]> {
  for (const [line, text] of trimmedLines(bytes)) {
    if (text !== '' && !text.startsWith(comment)) yield [line, text];
  }
}

const decimal = /^[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?$/;

/**
 * A finite decimal number, NaN for a missing one (`?`, NaN), undefined for anything else: Number() alone would read the empty
 * string as 0 and accept hexadecimal.
 */
export function readNumber(token: string): number | undefined {
  if (decimal.test(token)) {
    const value = Number(token);
    return Number.isFinite(value) ? value : undefined;
  }
  return token === '?' || token.toLowerCase() === 'nan' ? Number.NaN : undefined;
}
