import { Buffer } from 'node:buffer';
import type { Bytes } from './archives/index.js';

const newline = 0x0a;
/** Longer lines are no text of a data set, but a file of another kind. */
const longest = 2 ** 26;

/**
 * Calls `take` with every line of a text and its number, from 1. Lines end in LF or CRLF; a byte-order mark is dropped.
 *
 * @throws if the text is empty or UTF-16; errors of `take` pass through
 */
export async function eachLine(
  source: Bytes,
  name: string,
  take: (line: Buffer, number: number) => void,
): Promise<number> {
  let rest: Buffer = Buffer.alloc(0);
  let number = 0;
  let begun = false;
  const line = (bytes: Buffer): void => {
    const end = bytes.length > 0 && bytes[bytes.length - 1] === 0x0d ? bytes.length - 1 : bytes.length;
    take(bytes.subarray(0, end), ++number);
  };
  for await (const piece of source) {
    let bytes =
      rest.length > 0
        ? Buffer.concat([rest, piece])
        : Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    if (!begun && bytes.length >= 3) {
      begun = true;
      const start = bytes.readUInt16BE(0);
      if (start === 0xfffe || start === 0xfeff)
        throw new Error(`${name}:1: the file is UTF-16: save it as UTF-8`);
      if (bytes[0] === 0xef && bytes[1] === 0xbb && bytes[2] === 0xbf) bytes = bytes.subarray(3);
    }
    let start = 0;
    for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
      line(bytes.subarray(start, end));
      start = end + 1;
    }
    rest = bytes.subarray(start);
    if (rest.length > longest)
      throw new Error(`${name}:${number + 1}: the line has more than ${longest} bytes`);
  }
  if (rest.length > 0) line(rest);
  if (number === 0) throw new Error(`${name}: the file is empty`);
  return number;
}
