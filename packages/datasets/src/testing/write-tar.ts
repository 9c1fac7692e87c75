import { Buffer } from 'node:buffer';

/** A member for {@link writeTar}. */
export interface TarInput {
  path: string;
  content: string | Uint8Array;
  /** Type flag; `0` is a file, `2` a symbolic link, `5` a folder. */
  type?: string;
}

/** A ustar archive; members of longer names get a GNU (`L`) or pax (`x`) header. */
export function writeTar(
  members: readonly TarInput[],
  longNames: 'gnu' | 'pax' = 'gnu',
  endMark = true,
): Buffer {
  const parts: Buffer[] = [];
  for (const { path, content, type = '0' } of members) {
    if (Buffer.byteLength(path) > 100) {
      parts.push(longNames === 'gnu' ? member('././@LongLink', `${path}\0`, 'L') : paxMember(path));
    }
    parts.push(member(Buffer.from(path).subarray(0, 100).toString(), content, type));
  }
  if (endMark) parts.push(Buffer.alloc(1024));
  return Buffer.concat(parts);
}

function paxMember(path: string): Buffer {
  const rest = ` path=${path}\n`;
  let length = Buffer.byteLength(rest) + 1;
  while (`${length}`.length + Buffer.byteLength(rest) !== length) length++;
  return member('PaxHeaders/x', `${length}${rest}`, 'x');
}

function member(path: string, content: string | Uint8Array, type: string): Buffer {
  const bytes = Buffer.from(content as string);
  const header = Buffer.alloc(512);
  header.write(path, 0, 100);
  header.write('0000644\0', 100);
  header.write(`${bytes.length.toString(8).padStart(11, '0')}\0`, 124);
  header.write('00000000000\0', 136);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  const sum = header.reduce((a, b) => a + b, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return Buffer.concat([header, bytes, Buffer.alloc((512 - (bytes.length % 512)) % 512)]);
}
