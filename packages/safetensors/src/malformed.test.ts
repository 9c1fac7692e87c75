import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { loadSafetensors, readSafetensors } from './index.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A file with this header text, written as it stands, and this many bytes of data. */
function file(header: string, dataBytes: number, claimedLength?: bigint): Uint8Array {
  const text = new TextEncoder().encode(header);
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, claimedLength ?? BigInt(text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const entry = (name: string, begin: number, end: number, shape = `[${(end - begin) / 4}]`): string =>
  `${JSON.stringify(name)}:{"dtype":"F32","shape":${shape},"data_offsets":[${begin},${end}]}`;

const malformed: [what: string, bytes: Uint8Array, reason: RegExp][] = [
  ['a tensor twice', file(`{${entry('a', 0, 4)},${entry('a', 4, 8)}}`, 8), /"a" twice/],
  [
    'a tensor twice, once escaped',
    file(`{${entry('a', 0, 4)},${entry('a', 4, 8).replace('a', '\\u0061')}}`, 8),
    /"a" twice/,
  ],
  [
    'a key of a tensor twice',
    file('{"a":{"dtype":"F32","shape":[1],"shape":[1],"data_offsets":[0,4]}}', 4),
    /"a".*"shape" twice/,
  ],
  [
    'metadata twice',
    file(`{"__metadata__":{},"__metadata__":{},${entry('a', 0, 4)}}`, 4),
    /"__metadata__" twice/,
  ],
  ['a metadata key twice', file('{"__metadata__":{"x":"1","x":"2"}}', 0), /__metadata__ .*"x" twice/],
  ['overlapping ranges', file(`{${entry('a', 0, 8)},${entry('b', 4, 12)}}`, 12), /"b".*overlaps.*"a"/],
  ['two names on one range', file(`{${entry('a', 0, 4)},${entry('b', 0, 4)}}`, 4), /"b".*overlaps.*"a"/],
  ['a gap', file(`{${entry('a', 0, 4)},${entry('b', 8, 12)}}`, 12), /"b".*gap/],
  ['a gap at the start', file(`{${entry('a', 4, 8)}}`, 8), /"a".*gap/],
  ['trailing bytes', file(`{${entry('a', 0, 4)}}`, 5), /1 bytes follow the last tensor "a"/],
  ['truncated data', file(`{${entry('a', 0, 4)}}`, 3), /"a".*truncated/],
  ['a truncated header', file('{"a"', 0, 40n), /header should take 40 bytes/],
  ['a huge header length', file('{}', 0, 2199142139136n), /2199142139136/],
  ['a header length with the top bit', file('{}', 0, 2n ** 63n), /9223372036854775808/],
  ['a header padded with NUL', file(`{${entry('a', 0, 4)}}\0\0\0`, 4), /\\u0000/],
  ['a header that starts with a space', file(` {${entry('a', 0, 4)}}`, 4), /character 0/],
  ['a byte-order mark', file(`\ufeff{${entry('a', 0, 4)}}`, 4), /character 0/],
  ['shape [3] on 8 bytes', file(`{${entry('a', 0, 8, '[3]')}}`, 8), /"a".*12 bytes.*hold 8/],
  ['a product beyond 2^53', file(`{${entry('a', 0, 4, '[4294967296,4294967296]')}}`, 4), /"a".*2\^53/],
  ['negative offsets', file(`{${entry('a', 0, 4).replace('[0,4]', '[-4,0]')}}`, 4), /"a".*-4/],
  ['fractional offsets', file(`{${entry('a', 0, 4).replace('[0,4]', '[0,4.5]')}}`, 4), /"a".*4\.5/],
  [
    'integers written as fractions',
    file(`{${entry('a', 0, 4).replace('[0,4]', '[0,4.0]')}}`, 4),
    /"a".*4\.0/,
  ],
  ['integers with an exponent', file(`{${entry('a', 0, 4, '[1e0]')}}`, 4), /"a".*1e0/],
  ['minus zero', file(`{${entry('a', 0, 4).replace('[0,4]', '[-0,4]')}}`, 4), /"a".*-0/],
  [
    'offsets in the wrong order',
    file(`{${entry('a', 0, 4).replace('[0,4]', '[4,0]')}}`, 4),
    /"a".*begin <= end/,
  ],
  ['one offset', file(`{${entry('a', 0, 4).replace('[0,4]', '[4]')}}`, 4), /"a".*\[begin, end\]/],
  ['no dtype', file('{"a":{"shape":[1],"data_offsets":[0,4]}}', 4), /"a" needs dtype/],
  [
    'an unknown key',
    file('{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4],"strides":[1]}}', 4),
    /"a".*"strides"/,
  ],
  [
    'a dtype without an array',
    file('{"a":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}', 4),
    /"a".*"BF16"/,
  ],
  [
    'a dtype from a prototype',
    file('{"a":{"dtype":"constructor","shape":[2],"data_offsets":[0,4]}}', 4),
    /"constructor"/,
  ],
  ['metadata that is no string', file('{"__metadata__":{"x":1}}', 0), /a string/],
  ['an array for a header', file('[]', 0), /character 0/],
  ['an open header', file('{"a":', 0), /its end/],
  ['an open string', file('{"a', 0), /valid string/],
  [
    'half a surrogate pair',
    file('{"\\ud800":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4),
    /surrogate/,
  ],
  ['bytes that are not UTF-8', Uint8Array.of(3, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0xff, 0x7d), /UTF-8/],
  ['7 bytes', new Uint8Array(7), /only 7 bytes/],
  ['no bytes', new Uint8Array(0), /only 0 bytes/],
];

describe('malformed files are refused with the tensor and the reason', () => {
  test.each(malformed)('%s', async (_what, bytes, reason) => {
    expect(() => readSafetensors(bytes)).toThrow(reason);
    expect(() => readSafetensors(bytes)).toThrow(/^readSafetensors: /);
    const path = join(folder, 'malformed.safetensors');
    await writeFile(path, bytes);
    await expect(loadSafetensors(path)).rejects.toThrow(reason);
    await expect(loadSafetensors(path)).rejects.toThrow(path);
  });
});

test('__proto__ is an ordinary name', () => {
  const { tensors, metadata } = readSafetensors(
    file(`{"__metadata__":{"__proto__":"m"},${entry('__proto__', 0, 4)}}`, 4),
  );
  expect([...tensors.keys()]).toEqual(['__proto__']);
  expect([...metadata]).toEqual([['__proto__', 'm']]);
  expect(({} as Record<string, unknown>).dtype).toBeUndefined();
});

test('empty tensors may share an offset', () => {
  const { tensors } = readSafetensors(
    file(`{${entry('a', 0, 4)},${entry('b', 4, 4)},${entry('c', 4, 4)}}`, 4),
  );
  expect(tensors.get('b')?.data.length).toBe(0);
  expect(tensors.size).toBe(3);
});

test('spaces after the header and between its parts are allowed', () => {
  const { tensors } = readSafetensors(file(`{ ${entry('a', 0, 4)}\n}   `, 4));
  expect(tensors.get('a')?.shape).toEqual([1]);
});
