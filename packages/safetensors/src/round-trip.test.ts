import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import {
  type DType,
  loadSafetensors,
  readSafetensors,
  type SafeTensor,
  saveSafetensors,
  writeSafetensors,
} from './index.js';
import { arrayTypes, bytesOf } from './tensor.js';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'safetensors-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** Any bit pattern of any dtype, NaNs with payload included. */
const tensor: fc.Arbitrary<SafeTensor> = fc
  .record({
    dtype: fc.constantFrom(...(Object.keys(arrayTypes) as DType[])),
    shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 4 }),
    seed: fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
  })
  .map(({ dtype, shape, seed }) => {
    const count = shape.reduce((n, m) => n * m, 1);
    const bytes = Uint8Array.from(
      { length: count * arrayTypes[dtype].BYTES_PER_ELEMENT },
      () => seed.next().value as number,
    );
    return { dtype, shape, data: new arrayTypes[dtype](bytes.buffer) } as SafeTensor;
  });
const text = fc.string({ unit: 'grapheme' });
const tensors = fc
  .uniqueArray(fc.tuple(fc.oneof(text, fc.constant('__proto__')), tensor), {
    selector: ([name]) => name,
    maxLength: 6,
  })
  .map((entries) => new Map(entries.filter(([name]) => name !== '__metadata__')));
const metadata = fc
  .uniqueArray(fc.tuple(text, text), { selector: ([key]) => key })
  .map((entries) => new Map(entries));

function expectSame(
  actual: ReadonlyMap<string, SafeTensor>,
  expected: ReadonlyMap<string, SafeTensor>,
): void {
  expect([...actual.keys()].sort()).toEqual([...expected.keys()].sort());
  for (const [name, { dtype, shape, data }] of expected) {
    const read = actual.get(name) as SafeTensor;
    expect(read.dtype).toBe(dtype);
    expect(read.shape).toEqual(shape);
    expect(read.data.constructor).toBe(data.constructor);
    expect(Buffer.compare(bytesOf(read.data), bytesOf(data))).toBe(0);
  }
}

test('what is written is read back, bit by bit', () => {
  fc.assert(
    fc.property(tensors, metadata, fc.integer({ min: 0, max: 7 }), (given, notes, shift) => {
      const bytes = writeSafetensors(given, notes);
      // Also from within a larger buffer, where nothing is aligned.
      const shifted = new Uint8Array(bytes.length + shift).subarray(shift);
      shifted.set(bytes);
      const read = readSafetensors(shifted);
      expectSame(read.tensors, given);
      expect(new Map(read.metadata)).toEqual(notes);
    }),
  );
});

test('the bytes depend on the contents, not on their order', () => {
  fc.assert(
    fc.property(tensors, metadata, (given, notes) => {
      const reversed = new Map([...given].reverse());
      const bytes = writeSafetensors(given, notes);
      expect(writeSafetensors(reversed, new Map([...notes].reverse()))).toEqual(bytes);
    }),
  );
});

test('one flipped bit in the header never gives other tensors in silence', () => {
  const given = new Map<string, SafeTensor>([
    ['weight', { dtype: 'F32', shape: [2, 3], data: Float32Array.of(1, 2, 3, 4, 5, 6) }],
    ['bias', { dtype: 'F64', shape: [2], data: Float64Array.of(7, 8) }],
  ]);
  const bytes = writeSafetensors(given);
  const headerEnd = 8 + Number(new DataView(bytes.buffer).getBigUint64(0, true));
  let refused = 0;
  for (let bit = 0; bit < 8 * headerEnd; bit++) {
    const damaged = bytes.slice();
    damaged[bit >> 3] ^= 1 << (bit & 7);
    try {
      // What still reads has the same bytes under another name, dtype of the same size, or shape of the same count.
      const { tensors: read } = readSafetensors(damaged);
      expect([...read.values()].map(({ data }) => [...bytesOf(data)])).toEqual(
        [...readSafetensors(bytes).tensors.values()].map(({ data }) => [...bytesOf(data)]),
      );
    } catch (error) {
      expect((error as Error).message).toMatch(/^readSafetensors: /);
      refused++;
    }
  }
  expect(refused).toBeGreaterThan(headerEnd * 4);
});

test('data are aligned to their element size in the file', () => {
  const bytes = writeSafetensors({
    a: { dtype: 'U8', shape: [3], data: Uint8Array.of(1, 2, 3) },
    b: { dtype: 'F64', shape: [1], data: Float64Array.of(0.5) },
    c: { dtype: 'F32', shape: [1], data: Float32Array.of(0.25) },
  });
  const headerBytes = Number(new DataView(bytes.buffer).getBigUint64(0, true));
  expect(headerBytes % 8).toBe(0);
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerBytes)));
  expect(header.b.data_offsets).toEqual([0, 8]);
  expect(header.c.data_offsets).toEqual([8, 12]);
  expect(header.a.data_offsets).toEqual([12, 15]);
});

test('two names for one array are written twice and load', () => {
  const data = Float32Array.of(1, 2);
  const shared: SafeTensor = { dtype: 'F32', shape: [2], data };
  expectSame(
    readSafetensors(writeSafetensors({ a: shared, b: shared })).tensors,
    new Map([
      ['a', shared],
      ['b', shared],
    ]),
  );
});

test('reading copies', () => {
  const bytes = writeSafetensors({ a: { dtype: 'F32', shape: [1], data: Float32Array.of(1) } });
  const { tensors: read } = readSafetensors(bytes);
  bytes.fill(0);
  expect(read.get('a')?.data[0]).toBe(1);
});

const f32 = (shape: number[], data: unknown): SafeTensor => ({ dtype: 'F32', shape, data }) as SafeTensor;
test.each([
  ['too few elements', { a: f32([3], Float32Array.of(1)) }, /"a": shape \[3\] does not fit 1 elements/],
  ['another array type', { a: f32([1], Float64Array.of(1)) }, /"a".*Float32Array, got Float64Array/],
  ['a plain array', { a: f32([1], [1]) }, /"a".*Float32Array, got Array/],
  ['a negative shape', { a: f32([-1], Float32Array.of(1)) }, /"a".*\[-1\]/],
  [
    'an unknown dtype',
    { a: { ...f32([1], Float32Array.of(1)), dtype: 'F16' } as unknown as SafeTensor },
    /"a".*F16/,
  ],
  ['the reserved name', { __metadata__: f32([1], Float32Array.of(1)) }, /reserved/],
  ['half a surrogate pair', { '\ud800': f32([1], Float32Array.of(1)) }, /surrogate/],
])('writing refuses %s', async (_what, given, reason) => {
  expect(() => writeSafetensors(given)).toThrow(reason);
  await expect(saveSafetensors(join(folder, 'refused.safetensors'), given)).rejects.toThrow(reason);
  expect(await readdir(folder)).not.toContain('refused.safetensors');
});

test('writing refuses metadata that are no strings', () => {
  const metadata = { step: 3 } as unknown as Record<string, string>;
  expect(() => writeSafetensors({}, metadata)).toThrow(/"step".*number/);
});

test('files hold the same bytes, replace older ones, and leave nothing else behind', async () => {
  const path = join(folder, 'model.safetensors');
  await writeFile(path, 'an older file');
  await fc.assert(
    fc.asyncProperty(tensors, metadata, async (given, notes) => {
      await saveSafetensors(path, given, notes);
      expect(new Uint8Array(await readFile(path))).toEqual(writeSafetensors(given, notes));
      const read = await loadSafetensors(path);
      expectSame(read.tensors, given);
      expect(new Map(read.metadata)).toEqual(notes);
    }),
    { numRuns: 20 },
  );
  expect((await readdir(folder)).filter((name) => name.includes('model'))).toEqual(['model.safetensors']);
});

test('a failed save keeps the older file and leaves nothing else behind', async () => {
  const path = join(folder, 'a-folder');
  await saveSafetensors(join(folder, 'kept.safetensors'), {});
  await expect(saveSafetensors(join(path, 'x.safetensors'), {})).rejects.toThrow(
    /saveSafetensors: cannot write .*a-folder.x\.safetensors: ENOENT.*unchanged/,
  );
  const { mkdir } = await import('node:fs/promises');
  await mkdir(path);
  // A folder cannot be replaced by a file: the renaming fails after everything was written.
  await expect(saveSafetensors(path, {})).rejects.toThrow(/EISDIR|ENOTEMPTY|EEXIST|EPERM/);
  expect((await readdir(folder)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
});
