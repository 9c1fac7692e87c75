import { describe, expect, it } from 'vitest';
import { column, countSamples, selectSamples, sliceSamples } from './arrays.js';

const columns = {
  x: column(Float32Array.of(1, 2, 3, 4, 5, 6), [3, 2]),
  y: column(Uint8Array.of(7, 8, 9), [3]),
};

describe('columns', () => {
  it('are counted', () => {
    expect(countSamples(columns, 'test')).toBe(3);
    expect(countSamples({ x: column(new Uint16Array(0), [0, 5]) }, 'test')).toBe(0);
  });

  it('are selected by copying, in the order asked for, repeats included', () => {
    const { x, y } = selectSamples(columns, [2, 0, 2]);
    expect(x).toEqual({ data: Float32Array.of(5, 6, 1, 2, 5, 6), shape: [3, 2] });
    expect(y).toEqual({ data: Uint8Array.of(9, 7, 9), shape: [3] });
  });

  it('are sliced without copying', () => {
    const { x } = sliceSamples(columns, 1, 3);
    expect(x).toEqual({ data: Float32Array.of(3, 4, 5, 6), shape: [2, 2] });
    expect(x.data.buffer).toBe(columns.x.data.buffer);
    expect(sliceSamples(columns, 3, 3).y.shape).toEqual([0]);
  });

  it('say what is wrong with them', () => {
    expect(() => column(new Uint8Array(5), [2, 3])).toThrow('has 5 values, but its shape [2,3] needs 6');
    expect(() => column(new Uint8Array(1), [])).toThrow('must be [samples, …]');
    expect(() => countSamples({}, 'train')).toThrow('train: the data holds no column');
    expect(() => countSamples({ ...columns, z: column(new Uint8Array(2), [2]) }, 'train')).toThrow(
      'train: column z has 2 samples, expected the 3 of column x',
    );
    expect(() => selectSamples(columns, [0, 3])).toThrow('index 3 at position 1 is not one of 0..2');
    expect(() => sliceSamples(columns, 2, 1)).toThrow('2..1 is not a range within 0..3');
  });
});
