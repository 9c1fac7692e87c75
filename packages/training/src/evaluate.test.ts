import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { type ColumnBatch, type Columns, countSamples, gatherBatch } from './batches.js';
import { createEvaluator } from './evaluate.js';

const column = (values: number[]): Columns<'value'> => ({
  value: { data: Float32Array.from(values), shape: [values.length] },
});
const mean = createEvaluator(({ value }: ColumnBatch<'value'>) => ({ mean: tf.mean(value) }));

describe('createEvaluator', () => {
  it('weights a smaller last batch by its size', async () => {
    expect((await mean(column([10, 10, 9]), 2)).mean).toBeCloseTo(29 / 3, 6);
    expect((await mean(column([1, 1, 1, 1, 0]), 2)).mean).toBeCloseTo(0.8, 6);
    expect((await mean(column([1, 1, 1, 1, 0]), 5)).mean).toBeCloseTo(0.8, 6);
    const numbers = Array.from({ length: 101 }, (_, i) => i);
    expect((await mean(column(numbers), 3)).mean).toBeCloseTo(50, 5);
  });

  it('takes the batches that it is given, and ends when it is told to', async () => {
    const batches = [Int32Array.of(3, 0), Int32Array.of(1)];
    expect((await mean(column([1, 2, 4, 8]), batches)).mean).toBeCloseTo((1 + 8 + 2) / 3, 6);
    const before = tf.memory().numTensors;
    const stop = new AbortController();
    function* endless(): IterableIterator<Int32Array> {
      for (let i = 0; ; i++) {
        if (i === 20) stop.abort(new Error('enough'));
        yield Int32Array.of(i % 4);
      }
    }
    await expect(mean(column([1, 2, 4, 8]), endless(), stop.signal)).rejects.toThrow('enough');
    expect(tf.memory().numTensors).toBe(before);
  });

  it('leaves no tensor behind', async () => {
    await mean(column([1, 2, 3]), 2);
    const before = tf.memory().numTensors;
    await mean(column(Array.from({ length: 40 }, () => 1)), 2);
    expect(tf.memory().numTensors).toBe(before);
  });

  it('says what is wrong', async () => {
    await expect(mean(column([]), 2)).rejects.toThrow('evaluate: data holds no sample');
    await expect(mean(column([1]), 0)).rejects.toThrow(
      'evaluate: batchSize must be an integer of at least 1, got 0',
    );
    const vector = createEvaluator(({ value }: ColumnBatch<'value'>) => ({ mean: value }));
    await expect(vector(column([1, 2]), 2)).rejects.toThrow("the metric 'mean' must be a scalar tensor");
    const nothing = createEvaluator(() => ({}));
    await expect(nothing(column([1, 2]), 2)).rejects.toThrow('createEvaluator: there is no metric');
  });
});

describe('columns', () => {
  it('are checked', () => {
    expect(() => countSamples({}, 'train')).toThrow('train: data holds no column');
    expect(() => countSamples({ x: { data: new Float32Array(5), shape: [2, 3] } }, 'train')).toThrow(
      'train: data.x has 5 values, but its shape [2,3] needs 6',
    );
    const x = { data: new Float32Array(6), shape: [2, 3] };
    expect(() => countSamples({ x, y: { data: new Int32Array(3), shape: [3] } }, 'train')).toThrow(
      'train: data.y has 3 samples, but data.x has 2',
    );
    expect(() => countSamples({ x: { data: new Float32Array(1), shape: [] } }, 'train')).toThrow(
      '[samples, …], got []',
    );
  });

  it('become batches of the chosen rows', () => {
    const batch = gatherBatch(
      {
        x: { data: Float32Array.of(0, 1, 10, 11, 20, 21), shape: [3, 1, 2] },
        label: { data: Uint8Array.of(5, 6, 7), shape: [3] },
      },
      Int32Array.of(2, 0),
    );
    expect(batch.x.shape).toEqual([2, 1, 2]);
    expect([...batch.x.dataSync()]).toEqual([20, 21, 0, 1]);
    expect(batch.label.dtype).toBe('int32');
    expect([...batch.label.dataSync()]).toEqual([7, 5]);
    tf.dispose(batch);
  });
});
