import { Buffer } from 'node:buffer';
import type { Bytes } from './bytes.js';

/** A file in a tar archive. */
export interface TarMember {
  path: string;
  size: number;
  /** Its bytes, to be read before the next member is asked for. */
  bytes: Bytes;
}

const block = 512;
const maxNameBytes = 2 ** 16;

/**
 * The files of a tar archive (ustar, GNU long names, pax) in order, read as a stream.
 *
 * Folders, links and devices are passed over: no data set needs them, and a link that is never made leads nowhere. An archive
 * must end with its mark, a block of zeros: without it, one that is cut between two members would look whole.
 *
 * Ours and not tar-stream's, which takes an archive cut between two members for whole and brings the file system of another
 * runtime along.
 */
export async function* tarMembers(source: Bytes, fail: (reason: string) => never): AsyncGenerator<TarMember> {
  const reader = new Reader(source, fail);
  let extended: Extended = {};
  let everywhere: Extended = {};
  try {
    for (;;) {
      const start = reader.position;
      const header = await reader.exactly(block, 'a header, or the mark of the archive’s end');
      if (header.every((byte) => byte === 0)) {
        await reader.drain();
        return;
      }
      checkHeader(header, start, fail);
      const type = header[156] === 0 ? '0' : String.fromCharCode(header[156]);
      const size = number(header, 124, 12, start, fail);
      if ('xgLK'.includes(type)) {
        if (size > maxNameBytes) fail(`the header at byte ${start} announces a name of ${size} bytes`);
        const content = await reader.exactly(padded(size), 'a long name');
        const text = content.subarray(0, size);
        if (type === 'L') extended.path = text.toString('utf8').replace(/\0.*$/s, '');
        else if (type === 'x') extended = { ...extended, ...pax(text, start, fail) };
        else if (type === 'g') everywhere = { ...everywhere, ...pax(text, start, fail) };
        continue;
      }
      const own: Extended = { ...everywhere, ...extended };
      extended = {};
      const path = own.path ?? nameOf(header);
      const bytes = own.size ?? size;
      const end = reader.position + padded(bytes);
      // Some old archives mark a folder by its name alone.
      if ((type === '0' || type === '7') && !path.endsWith('/')) {
        yield { path, size: bytes, bytes: reader.pieces(bytes, path) };
      }
      await reader.skipTo(end, path);
    }
  } finally {
    await reader.close();
  }
}

interface Extended {
  path?: string;
  size?: number;
}

const padded = (size: number): number => Math.ceil(size / block) * block;

const text = (bytes: Buffer, from: number, length: number): string => {
  const field = bytes.subarray(from, from + length);
  const end = field.indexOf(0);
  return field.toString('utf8', 0, end < 0 ? length : end);
};

function nameOf(header: Buffer): string {
  const name = text(header, 0, 100);
  // GNU's own format has other things where ustar has the prefix.
  const prefix = text(header, 257, 6) === 'ustar' ? text(header, 345, 155) : '';
  return prefix === '' ? name : `${prefix}/${name}`;
}

function checkHeader(header: Buffer, start: number, fail: (reason: string) => never): void {
  let sum = 8 * 0x20; // the checksum's own field counts as blanks
  for (let i = 0; i < block; i++) if (i < 148 || i >= 156) sum += header[i];
  const stated = Number.parseInt(text(header, 148, 8).trim(), 8);
  if (stated === sum) return;
  fail(
    start === 0
      ? 'not a tar archive: its first 512 bytes are no header'
      : `the header at byte ${start} is damaged (its checksum is ${sum}, it says ${stated})`,
  );
}

function number(
  header: Buffer,
  from: number,
  length: number,
  start: number,
  fail: (reason: string) => never,
): number {
  let value: number;
  if (header[from] & 0x80) {
    // GNU writes sizes from 8 GiB on in binary.
    value = header[from] & 0x7f;
    for (let i = from + 1; i < from + length; i++) value = value * 256 + header[i];
  } else {
    const digits = text(header, from, length).trim();
    value = /^[0-7]*$/.test(digits) ? Number.parseInt(digits || '0', 8) : Number.NaN;
  }
  if (!Number.isSafeInteger(value)) fail(`the header at byte ${start} has no valid size`);
  return value;
}

/** Records `LENGTH KEY=VALUE\n`, whose length counts itself. */
function pax(content: Buffer, start: number, fail: (reason: string) => never): Extended {
  const found: Extended = {};
  for (let at = 0; at < content.length; ) {
    const blank = content.indexOf(0x20, at);
    const length = blank < 0 ? Number.NaN : Number(content.toString('latin1', at, blank));
    const end = at + length;
    if (!(length > blank - at + 1) || end > content.length || content[end - 1] !== 0x0a) {
      fail(`the extended header at byte ${start} is damaged`);
    }
    const record = content.toString('utf8', blank + 1, end - 1);
    const [key, value] = [record.slice(0, record.indexOf('=')), record.slice(record.indexOf('=') + 1)];
    if (key === 'path') found.path = value;
    if (key === 'size') {
      if (!/^\d{1,15}$/.test(value)) fail(`the extended header at byte ${start} has no valid size`);
      found.size = Number(value);
    }
    at = end;
  }
  return found;
}

/** Takes pieces of any length apart. */
class Reader {
  position = 0;
  private readonly source: AsyncIterator<Uint8Array>;
  private rest: Uint8Array = new Uint8Array(0);

  constructor(
    source: Bytes,
    private readonly fail: (reason: string) => never,
  ) {
    this.source = source[Symbol.asyncIterator]();
  }

  async exactly(length: number, what: string): Promise<Buffer> {
    const start = this.position;
    const taken: Uint8Array[] = [];
    for (let missing = length; missing > 0; ) {
      const piece = await this.upTo(missing);
      if (!piece) this.fail(`truncated: it ends at byte ${this.position}, within ${what} at byte ${start}`);
      taken.push(piece);
      missing -= piece.length;
    }
    return taken.length === 1 ? asBuffer(taken[0]) : Buffer.concat(taken, length);
  }

  async *pieces(length: number, path: string): AsyncGenerator<Uint8Array> {
    const end = this.position + length;
    while (this.position < end) yield await this.piece(end, path);
  }

  async skipTo(end: number, path: string): Promise<void> {
    while (this.position < end) await this.piece(end, path);
  }

  /** Reads what follows the end mark: nothing of the archive, but a packed stream's checksum is at its end. */
  async drain(): Promise<void> {
    while (await this.upTo(Number.POSITIVE_INFINITY));
  }

  async close(): Promise<void> {
    await this.source.return?.();
  }

  private async piece(end: number, path: string): Promise<Uint8Array> {
    const piece = await this.upTo(end - this.position);
    if (!piece) {
      this.fail(
        `truncated: it ends at byte ${this.position}, ${end - this.position} bytes before ${path} does`,
      );
    }
    return piece;
  }

  private async upTo(length: number): Promise<Uint8Array | undefined> {
    while (this.rest.length === 0) {
      const { done, value } = await this.source.next();
      if (done) return undefined;
      this.rest = value;
    }
    const piece = this.rest.subarray(0, length);
    this.rest = this.rest.subarray(piece.length);
    this.position += piece.length;
    return piece;
  }
}

const asBuffer = (bytes: Uint8Array): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
