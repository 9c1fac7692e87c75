import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Columns, column } from '../arrays.js';
import {
  batches,
  batchesInBackground,
  type PlanOptions,
  planBatches,
  prefetch,
  shareColumns,
} from './index.js';

const data = (samples: number): Columns<'x' | 'y'> => ({
  x: column(
    Float32Array.from({ length: samples * 6 }, (_, i) => i),
    [samples, 3, 2],
  ),
  y: column(
    Uint8Array.from({ length: samples }, (_, i) => i),
    [samples],
  ),
});
const plan = (samples: number, options: PlanOptions): number[][] =>
  [...planBatches(samples, options)].map(({ indices }) => [...indices]);

describe('planBatches', () => {
  it('keeps, drops or carries the remainder', () => {
    expect(plan(5, { batchSize: 2 })).toEqual([[0, 1], [2, 3], [4]]);
    expect(plan(5, { batchSize: 2, remainder: 'drop', epochs: 2 })).toEqual([
      [0, 1],
      [2, 3],
      [0, 1],
      [2, 3],
    ]);
    expect(plan(5, { batchSize: 2, remainder: 'carry', epochs: 3 })).toEqual([
      [0, 1],
      [2, 3],
      [4, 0],
      [1, 2],
      [3, 4],
      [0, 1],
      [2, 3],
      [4],
    ]);
    expect(plan(2, { batchSize: 5, remainder: 'carry', epochs: 3 })).toEqual([[0, 1, 0, 1, 0], [1]]);
    expect(plan(0, { batchSize: 5, epochs: Number.POSITIVE_INFINITY })).toEqual([]);
  });

  it('shuffles each epoch by seed and epoch alone', () => {
    const options = { batchSize: 10, seed: 3, epochs: 3 };
    const all = plan(30, options);
    expect(plan(30, options)).toEqual(all);
    expect(plan(30, { ...options, firstEpoch: 3, epochs: 1 })).toEqual(all.slice(6));
    expect(all.slice(0, 3)).not.toEqual(all.slice(3, 6));
    expect(plan(30, { ...options, seed: 4 })).not.toEqual(all);
  });

  it('gives every sample once an epoch, whatever the buckets', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 1, maxLength: 60 }),
        fc.integer({ min: 1, max: 9 }),
        fc.constantFrom('keep', 'drop', 'carry' as const),
        fc.integer({ min: 1, max: 3 }),
        (lengths, batchSize, remainder, epochs) => {
          const bounds = [10, 50, 100];
          const made = [
            ...planBatches(lengths.length, {
              batchSize,
              seed: 1,
              epochs,
              remainder,
              buckets: { lengths, bounds },
            }),
          ];
          const counts = new Array(lengths.length).fill(0);
          for (const { indices, bound } of made) {
            expect(indices.length).toBeLessThanOrEqual(batchSize);
            if (remainder === 'drop') expect(indices.length).toBe(batchSize);
            for (const index of indices) {
              counts[index]++;
              expect(bounds.find((one) => lengths[index] <= one)).toBe(bound);
            }
          }
          for (const count of counts) {
            if (remainder === 'drop') expect(count).toBeLessThanOrEqual(epochs);
            else expect(count).toBe(epochs);
          }
        },
      ),
    );
  });

  it('has no end where epochs are without end', () => {
    let count = 0;
    for (const { epoch } of planBatches(3, { batchSize: 2, seed: 1, epochs: Number.POSITIVE_INFINITY })) {
      if (epoch > 1000) break;
      count++;
    }
    expect(count).toBe(2000);
  });

  it.each([
    [{ batchSize: 0 }, 'batchSize must be a whole number from 1 on, got 0'],
    [{ batchSize: 2, epochs: 1.5 }, 'epochs must be'],
    [{ batchSize: 2, firstEpoch: Number.POSITIVE_INFINITY }, 'firstEpoch must be'],
    [{ batchSize: 9, remainder: 'drop', epochs: Number.POSITIVE_INFINITY }, '4 samples make no batch of 9'],
    [{ batchSize: 2, buckets: { lengths: [1], bounds: [3] } }, 'has 1 entries, expected one for each of 4'],
    [{ batchSize: 2, buckets: { lengths: [1, 1, 1, 9], bounds: [3, 5] } }, 'sample 3 has length 9, above'],
    [{ batchSize: 2, buckets: { lengths: [1, 1, 1, 1], bounds: [5, 3] } }, 'must ascend'],
  ] as [PlanOptions, string][])('refuses %j', (options, reason) => {
    expect(() => plan(4, options)).toThrow(reason);
  });
});

describe('batches', () => {
  it('gathers all columns, in arrays of their own', () => {
    const source = data(5);
    const made = [...batches(source, { batchSize: 2, seed: 1, epochs: 2 })];
    expect(made.map(({ size, epoch }) => [size, epoch])).toEqual([
      [2, 1],
      [2, 1],
      [1, 1],
      [2, 2],
      [2, 2],
      [1, 2],
    ]);
    for (const { columns, indices } of made) {
      expect(columns.x.shape).toEqual([indices.length, 3, 2]);
      expect([...columns.y.data]).toEqual([...indices]);
      expect([...columns.x.data].filter((_, i) => i % 6 === 0)).toEqual([...indices].map((i) => 6 * i));
      expect(columns.y.data).toBeInstanceOf(Uint8Array);
      columns.x.data.fill(-1);
    }
    expect(source.x.data[0]).toBe(0);
  });

  it('trims sequences to their bucket', () => {
    const source = data(4);
    const buckets = { lengths: [1, 3, 1, 2], bounds: [1, 3] };
    const made = [...batches(source, { batchSize: 2, buckets, trim: ['x'] })];
    expect(made.map(({ columns, indices }) => [[...indices], columns.x.shape, [...columns.x.data]])).toEqual([
      [
        [0, 2],
        [2, 1, 2],
        [0, 1, 12, 13],
      ],
      [
        [1, 3],
        [2, 3, 2],
        [6, 7, 8, 9, 10, 11, 18, 19, 20, 21, 22, 23],
      ],
    ]);
    expect(() => batches(source, { batchSize: 2, trim: ['x'] })).toThrow('trim needs buckets');
    expect(() => batches(source, { batchSize: 2, buckets, trim: ['y'] })).toThrow("trim names 'y'");
    expect(() => batches(source, { batchSize: 2, buckets, trim: ['z'] })).toThrow('which is no column');
  });

  it('gives the same from a thread', async () => {
    const source = data(23);
    const options = { batchSize: 4, seed: 9, epochs: 3, remainder: 'carry' } as const;
    const here = [...batches(source, options)];
    const there = [];
    for await (const batch of batchesInBackground(source, options)) there.push(batch);
    expect(there).toEqual(here);
  });

  it('ends its thread when the loop is left, and passes on what is wrong', async () => {
    const source = shareColumns(data(5));
    expect(shareColumns(source).x.data).toBe(source.x.data);
    const endless = { batchSize: 2, seed: 1, epochs: Number.POSITIVE_INFINITY, depth: 2 };
    let count = 0;
    for await (const _ of batchesInBackground(source, endless)) if (++count === 20) break;
    const bad = batchesInBackground(source, { batchSize: 0 });
    await expect(bad.next()).rejects.toThrow('batchSize must be a whole number from 1 on, got 0');
  });
});

describe('prefetch', () => {
  it('is ahead by its depth, in order, with errors in their place', async () => {
    let asked = 0;
    async function* source(): AsyncGenerator<number> {
      for (; asked < 6; ) yield asked++;
      throw new Error('item 6 is bad');
    }
    const items = prefetch(source(), 3);
    expect((await items.next()).value).toBe(0);
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(asked).toBe(4);
    const seen = [0];
    await expect(
      (async () => {
        for await (const item of items) seen.push(item);
      })(),
    ).rejects.toThrow('item 6 is bad');
    expect(seen).toEqual([0, 1, 2, 3, 4, 5]);
  });

  it('ends its source when the loop is left', async () => {
    let ended = false;
    async function* source(): AsyncGenerator<number> {
      try {
        for (let i = 0; ; i++) yield i;
      } finally {
        ended = true;
      }
    }
    for await (const item of prefetch(source())) if (item === 2) break;
    expect(ended).toBe(true);
    const plain = [];
    for await (const item of prefetch([1, 2, 3], 10)) plain.push(item);
    expect(plain).toEqual([1, 2, 3]);
    await expect(prefetch([], 0).next()).rejects.toThrow('depth must be');
  });
});
