import { type Column, type ColumnData, type Columns, valuesPerSample } from '../arrays.js';
import type { PlannedBatch } from './plan.js';

/** A batch: the chosen samples of every column, in arrays of its own. */
export interface Batch<K extends string = string> {
  readonly columns: Columns<K>;
  /** Samples in it. */
  readonly size: number;
  /** Of its last sample, from 1. */
  readonly epoch: number;
  /** The samples' places in the data. */
  readonly indices: Int32Array;
}

/** Copies the planned samples out of the columns; columns named in `trim` keep only the first `bound` steps of their second axis. */
export function gather<K extends string>(
  columns: Columns<K>,
  { indices, epoch, bound }: PlannedBatch,
  trim: readonly string[] = [],
): Batch<K> {
  const gathered: Record<string, Column> = {};
  for (const [name, { data, shape }] of Object.entries<Column>(columns)) {
    const row = valuesPerSample(shape);
    const steps = bound !== undefined && trim.includes(name) ? Math.min(bound, shape[1]) : undefined;
    const kept = steps === undefined ? row : (row / shape[1]) * steps;
    const TypedArray = data.constructor as new (length: number) => ColumnData;
    const values = new TypedArray(indices.length * kept);
    for (let i = 0; i < indices.length; i++) {
      const start = indices[i] * row;
      values.set(data.subarray(start, start + kept), i * kept);
    }
    const rest = steps === undefined ? shape.slice(1) : [steps, ...shape.slice(2)];
    gathered[name] = { data: values, shape: [indices.length, ...rest] };
  }
  return { columns: gathered as Columns<K>, size: indices.length, epoch, indices };
}
