import { Buffer } from 'node:buffer';
import { RandomStream } from '../random.js';

type Mutation = (bytes: Buffer, random: RandomStream) => Buffer;

const somewhere = (bytes: Buffer, random: RandomStream): number => random.below(Math.max(1, bytes.length));

function range(bytes: Buffer, random: RandomStream): [number, number] {
  const start = somewhere(bytes, random);
  return [start, Math.min(bytes.length, start + 1 + random.below(200))];
}

function insert(bytes: Buffer, at: number, what: Uint8Array): Buffer {
  return Buffer.concat([bytes.subarray(0, at), what, bytes.subarray(at)]);
}

/** What damages a byte file in transport or storage. */
const binary: Readonly<Record<string, Mutation>> = {
  truncate: (bytes, random) => bytes.subarray(0, somewhere(bytes, random)),
  'flip a bit': (bytes, random) => {
    const copy = Buffer.from(bytes);
    copy[somewhere(bytes, random)] ^= 1 << random.below(8);
    return copy;
  },
  'overwrite a byte': (bytes, random) => {
    const copy = Buffer.from(bytes);
    copy[somewhere(bytes, random)] = random.below(256);
    return copy;
  },
  'zero a range': (bytes, random) => Buffer.from(bytes).fill(0, ...range(bytes, random)),
  'remove a range': (bytes, random) => {
    const [start, end] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, start), bytes.subarray(end)]);
  },
  'repeat a range': (bytes, random) => {
    const [start, end] = range(bytes, random);
    return insert(bytes, end, bytes.subarray(start, end));
  },
  'insert noise': (bytes, random) =>
    insert(
      bytes,
      somewhere(bytes, random),
      Uint8Array.from({ length: 1 + random.below(20) }, () => random.below(256)),
    ),
  'append noise': (bytes, random) =>
    insert(
      bytes,
      bytes.length,
      Uint8Array.from({ length: 1 + random.below(600) }, () => random.below(256)),
    ),
  empty: () => Buffer.alloc(0),
};

const words = [
  'NaN',
  '?',
  'inf',
  '1e999',
  '-',
  '',
  '0x1F',
  ',',
  ':',
  '\t',
  '"',
  "'",
  '{',
  '(',
  '@data',
  '\u00e9',
  '\0',
  '99999999999999999999',
];

/** What people and programs do to text. */
const text: Readonly<Record<string, Mutation>> = {
  'insert a word': (bytes, random) =>
    insert(bytes, somewhere(bytes, random), Buffer.from(words[random.below(words.length)])),
  'replace a token': (bytes, random) => {
    const start = somewhere(bytes, random);
    let end = start;
    while (end < bytes.length && !' ,:\t\n'.includes(String.fromCharCode(bytes[end]))) end++;
    return Buffer.concat([
      bytes.subarray(0, start),
      Buffer.from(words[random.below(words.length)]),
      bytes.subarray(end),
    ]);
  },
  'remove a line': (bytes, random) => lines(bytes, random, () => []),
  'repeat a line': (bytes, random) => lines(bytes, random, (line) => [line, line]),
  'halve a line': (bytes, random) => lines(bytes, random, (line) => [line.slice(0, line.length / 2)]),
  'break a line': (bytes, random) =>
    lines(bytes, random, (line) => [line.slice(0, line.length / 2), line.slice(line.length / 2)]),
  'swap two lines': (bytes, random) => {
    const all = bytes.toString('latin1').split('\n');
    const [a, b] = [random.below(all.length), random.below(all.length)];
    [all[a], all[b]] = [all[b], all[a]];
    return Buffer.from(all.join('\n'), 'latin1');
  },
  CRLF: (bytes) => Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r\n'), 'latin1'),
  CR: (bytes) => Buffer.from(bytes.toString('latin1').replaceAll('\n', '\r'), 'latin1'),
  'byte-order mark': (bytes) => insert(bytes, 0, Uint8Array.of(0xef, 0xbb, 0xbf)),
  'UTF-16': (bytes) =>
    Buffer.concat([Uint8Array.of(0xff, 0xfe), Buffer.from(bytes.toString('utf8'), 'utf16le')]),
};

function lines(bytes: Buffer, random: RandomStream, change: (line: string) => string[]): Buffer {
  const all = bytes.toString('latin1').split('\n');
  const at = random.below(all.length);
  all.splice(at, 1, ...change(all[at]));
  return Buffer.from(all.join('\n'), 'latin1');
}

/** One damaged copy of `bytes`; which, follows from seed and number. */
export function mutate(
  bytes: Buffer,
  kind: 'text' | 'binary',
  seed: number,
  number: number,
): { how: string; bytes: Buffer } {
  const random = new RandomStream(seed, 'mutate', number);
  const all = Object.entries(kind === 'text' ? { ...binary, ...text } : binary);
  // Each kind has its turn, whatever the number of mutations.
  const [how, mutation] = all[number % all.length];
  return { how, bytes: mutation(bytes, random) };
}
