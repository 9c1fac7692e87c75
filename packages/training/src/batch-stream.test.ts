import { describe, expect, it } from 'vitest';
import { BatchStream, type BatchStreamOptions } from './batch-stream.js';

const stream = (change: Partial<BatchStreamOptions> = {}): BatchStream =>
  new BatchStream({ samples: 10, batchSize: 4, seed: 7, ...change });
const taken = (of: BatchStream, from: number, to: number): number[][] =>
  [...of.range(from, to)].map((batch) => [...batch]);
const all = Array.from({ length: 10 }, (_, i) => i);
const sorted = (numbers: number[]): number[] => [...numbers].sort((a, b) => a - b);

describe('a stream of batches', () => {
  it('keeps a smaller last batch, drops it, or fills it from the next epoch', () => {
    const kept = taken(stream(), 0, 6);
    expect(kept.map((batch) => batch.length)).toEqual([4, 4, 2, 4, 4, 2]);
    const orders = [kept.slice(0, 3).flat(), kept.slice(3).flat()];
    for (const order of orders) expect(sorted(order)).toEqual(all);
    expect(orders[0]).not.toEqual(orders[1]);
    const dropped = taken(stream({ remainder: 'drop' }), 0, 4);
    expect(dropped).toEqual([...kept.slice(0, 2), ...kept.slice(3, 5)]);
    const carried = taken(stream({ remainder: 'carry' }), 0, 5);
    expect(carried.map((batch) => batch.length)).toEqual([4, 4, 4, 4, 4]);
    expect(carried.flat()).toEqual(orders.flat());
  });

  it('fills a batch larger than the data from several epochs', () => {
    const few = stream({ samples: 3, batchSize: 8, remainder: 'carry' });
    const [first, second] = taken(few, 0, 2);
    for (const epoch of [first.slice(0, 3), first.slice(3, 6), [...first.slice(6), ...second.slice(0, 1)]])
      expect(sorted(epoch)).toEqual([0, 1, 2]);
    expect(() => stream({ samples: 3, remainder: 'drop' })).toThrow(
      'BatchStream: 3 samples make no batch of 4',
    );
  });

  it('gives any batch by its number alone', () => {
    for (const remainder of ['keep', 'drop', 'carry'] as const) {
      const batches = taken(stream({ remainder }), 0, 30);
      const again = stream({ remainder });
      for (const index of [29, 0, 13, 7, 8, 22]) expect([...again.at(index)]).toEqual(batches[index]);
    }
  });

  it('depends on seed and name', () => {
    const batches = taken(stream(), 0, 3);
    expect(taken(stream(), 0, 3)).toEqual(batches);
    expect(taken(stream({ seed: 8 }), 0, 3)).not.toEqual(batches);
    expect(taken(stream({ name: 'dev' }), 0, 3)).not.toEqual(batches);
  });

  it('counts complete epochs', () => {
    const after = (remainder: 'keep' | 'drop' | 'carry', batches: number[]): number[] =>
      batches.map((n) => stream({ remainder }).epochsAfter(n));
    expect(after('keep', [0, 2, 3, 5, 6])).toEqual([0, 0, 1, 1, 2]);
    expect(after('drop', [0, 1, 2, 4])).toEqual([0, 0, 1, 2]);
    expect(after('carry', [0, 2, 3, 4, 5])).toEqual([0, 0, 1, 1, 2]);
  });

  it('says what is wrong', () => {
    expect(() => stream({ samples: 0 })).toThrow(
      'BatchStream: samples must be an integer of at least 1, got 0',
    );
    expect(() => stream({ batchSize: 1.5 })).toThrow('BatchStream: batchSize must be an integer');
    expect(() => stream({ remainder: 'lose' as 'drop' })).toThrow('one of keep, drop, carry, got');
  });
});
