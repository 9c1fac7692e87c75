import { bytesPerElement, type DType, elementCount, isDType } from './tensor.js';

/** What the header says of one tensor; offsets count from the end of the header. */
export interface TensorEntry {
  name: string;
  dtype: DType;
  shape: number[];
  begin: number;
  end: number;
}

export interface Header {
  /** In the order of their data. */
  entries: TensorEntry[];
  metadata: Map<string, string>;
}

/** The official reader's limit. */
export const maxHeaderBytes = 100_000_000;

/** Bytes that hold the header's length, a little-endian 64-bit integer, at the start of the file. */
export const lengthBytes = 8;

/**
 * The header's length from a file's first 8 bytes, checked against the file's size.
 *
 * @param fail throws an error that begins with the caller's name and the file
 */
export function headerLength(start: Uint8Array, fileBytes: number, fail: (reason: string) => never): number {
  if (fileBytes < lengthBytes) {
    fail(`a safetensors file starts with 8 bytes of header length, but there are only ${fileBytes} bytes`);
  }
  const view = new DataView(start.buffer, start.byteOffset, lengthBytes);
  const length = view.getBigUint64(0, true);
  if (length > BigInt(maxHeaderBytes)) {
    fail(`the header length is ${length}, above the limit of ${maxHeaderBytes}; this is no safetensors file`);
  }
  if (lengthBytes + Number(length) > fileBytes) {
    fail(
      `the header should take ${length} bytes, but the file ends after ${fileBytes - lengthBytes} of them`,
    );
  }
  return Number(length);
}

/**
 * Reads and checks a header: every byte of the data belongs to exactly one tensor, and every tensor's bytes fit its
 * dtype and shape. Nothing is allocated for data.
 *
 * @param bytes the header alone
 * @param dataBytes how many bytes follow it
 * @param fail throws an error that begins with the caller's name and the file
 */
export function parseHeader(bytes: Uint8Array, dataBytes: number, fail: (reason: string) => never): Header {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    fail('the header is not valid UTF-8');
  }
  const header = new HeaderParser(text, fail).header();
  const { entries } = header;
  entries.sort((a, b) => a.begin - b.begin || a.end - b.end);
  let end = 0;
  let before: TensorEntry | undefined;
  for (const entry of entries) {
    const said = `tensor ${JSON.stringify(entry.name)}`;
    if (entry.begin < end) {
      fail(
        `${said} at bytes ${entry.begin}..${entry.end} overlaps tensor ${JSON.stringify(before?.name)} at bytes ` +
          `${before?.begin}..${before?.end}`,
      );
    }
    if (entry.begin > end) {
      fail(`${said} begins at byte ${entry.begin}, but the data before it ends at ${end}: there is a gap`);
    }
    if (entry.end > dataBytes) {
      fail(
        `${said} ends at byte ${entry.end}, but the file has only ${dataBytes} bytes of data: it is truncated`,
      );
    }
    if (entry.end > entry.begin) before = entry;
    end = entry.end;
  }
  if (end < dataBytes) {
    fail(`${dataBytes - end} bytes follow the last tensor${before ? ` ${JSON.stringify(before.name)}` : ''}`);
  }
  return header;
}

/**
 * A parser for just the JSON that a header may hold. A general one would let pass what must not: a key twice (the last
 * wins in silence), `1.0` or `-0` as an integer, NUL as padding.
 */
class HeaderParser {
  readonly #text: string;
  readonly #fail: (reason: string) => never;
  #at = 0;

  constructor(text: string, fail: (reason: string) => never) {
    this.#text = text;
    this.#fail = fail;
  }

  header(): Header {
    const entries: TensorEntry[] = [];
    let metadata = new Map<string, string>();
    if (this.#text[0] !== '{') this.#unexpected('{');
    this.#object('the header', (name) => {
      if (name === '__metadata__') metadata = this.#metadata();
      else entries.push(this.#entry(name));
    });
    while (this.#text[this.#at] === ' ') this.#at++;
    if (this.#at < this.#text.length) this.#unexpected('only spaces after the header');
    return { entries, metadata };
  }

  #metadata(): Map<string, string> {
    const metadata = new Map<string, string>();
    this.#object('__metadata__', (key) => metadata.set(key, this.#string()));
    return metadata;
  }

  #entry(name: string): TensorEntry {
    const said = `tensor ${JSON.stringify(name)}`;
    let dtype: string | undefined;
    let shape: number[] | undefined;
    let offsets: number[] | undefined;
    this.#object(said, (key) => {
      if (key === 'dtype') dtype = this.#string();
      else if (key === 'shape') shape = this.#integers(`${said}: shape`);
      else if (key === 'data_offsets') offsets = this.#integers(`${said}: data_offsets`);
      else this.#fail(`${said} has an unknown key ${JSON.stringify(key)}; known: dtype, shape, data_offsets`);
    });
    if (dtype === undefined || shape === undefined || offsets === undefined) {
      this.#fail(`${said} needs dtype, shape and data_offsets`);
    }
    if (!isDType(dtype)) {
      this.#fail(
        `${said} has dtype ${JSON.stringify(dtype)}, which has no JavaScript array; convert it to F32 first`,
      );
    }
    if (offsets.length !== 2 || offsets[0] > offsets[1]) {
      this.#fail(`${said}: data_offsets must be [begin, end] with begin <= end, got [${offsets}]`);
    }
    const [begin, end] = offsets;
    const count = elementCount(shape);
    if (count === undefined || count * bytesPerElement(dtype) !== end - begin) {
      this.#fail(
        `${said}: shape [${shape}] of ${dtype} takes ${count === undefined ? 'over 2^53' : count * bytesPerElement(dtype)} ` +
          `bytes, but data_offsets [${offsets}] hold ${end - begin}`,
      );
    }
    return { name, dtype, shape, begin, end };
  }

  /** `{"key": value, …}`, where `value` reads the value; each key once. */
  #object(what: string, value: (key: string) => void): void {
    const keys = new Set<string>();
    this.#take('{');
    if (this.#maybe('}')) return;
    do {
      const key = this.#string();
      if (keys.has(key)) this.#fail(`${what} has the key ${JSON.stringify(key)} twice`);
      keys.add(key);
      this.#take(':');
      value(key);
    } while (this.#maybe(','));
    this.#take('}');
  }

  #integers(what: string): number[] {
    const numbers: number[] = [];
    this.#take('[');
    if (this.#maybe(']')) return numbers;
    do {
      this.#skip();
      const [number] = /^[-+.\w]*/.exec(this.#text.slice(this.#at, this.#at + 40)) as RegExpExecArray;
      if (!/^(0|[1-9]\d*)$/.test(number) || !Number.isSafeInteger(Number(number))) {
        this.#fail(`${what} must hold non-negative integers below 2^53, got ${number || this.#next()}`);
      }
      numbers.push(Number(number));
      this.#at += number.length;
    } while (this.#maybe(','));
    this.#take(']');
    return numbers;
  }

  #string(): string {
    this.#skip();
    const start = this.#at;
    if (this.#text[start] !== '"') this.#unexpected('a string');
    let end = start + 1;
    while (end < this.#text.length && this.#text[end] !== '"') end += this.#text[end] === '\\' ? 2 : 1;
    let value: unknown;
    try {
      value = JSON.parse(this.#text.slice(start, end + 1));
    } catch {
      this.#unexpected('a valid string');
    }
    if (!isWellFormed(value as string)) this.#unexpected('a string without lone surrogates');
    this.#at = end + 1;
    return value as string;
  }

  #take(character: string): void {
    if (!this.#maybe(character)) this.#unexpected(`'${character}'`);
  }

  #maybe(character: string): boolean {
    this.#skip();
    if (this.#text[this.#at] !== character) return false;
    this.#at++;
    return true;
  }

  #skip(): void {
    while (/[\t\n\r ]/.test(this.#text[this.#at] ?? '')) this.#at++;
  }

  #next(): string {
    return this.#at < this.#text.length ? JSON.stringify(this.#text[this.#at]) : 'its end';
  }

  #unexpected(expected: string): never {
    this.#fail(`the header's character ${this.#at} should be ${expected}, got ${this.#next()}`);
  }
}

/** False where a string holds half of a surrogate pair, which has no UTF-8 form. */
export function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
