import * as tf from '@tensorflow/tfjs';

/** One array of a dataset, with the samples along its first axis. */
export interface Column {
  /** Row-major values. Float32Array gives float32 batches, the others int32. */
  readonly data: Float32Array | Int32Array | Uint16Array | Uint8Array;
  /** [samples, …]. */
  readonly shape: readonly number[];
}

/** A dataset in memory: arrays of the same number of samples, by name. */
export type Columns<K extends string = string> = Readonly<Record<K, Column>>;

/** A batch of it: tensors of shape [batch, …] under the same names. */
export type ColumnBatch<K extends string = string> = { readonly [name in K]: tf.Tensor };

/** The number of samples; checks that all columns agree and are whole. */
export function countSamples(columns: Columns, caller: string): number {
  const entries = Object.entries(columns);
  if (entries.length === 0) throw new Error(`${caller}: data holds no column; give at least one array`);
  const samples = entries[0][1].shape[0];
  for (const [name, { data, shape }] of entries) {
    if (shape.length === 0 || shape.some((n) => !Number.isInteger(n) || n < 0)) {
      throw new Error(`${caller}: the shape of data.${name} must be [samples, …], got [${shape}]`);
    }
    if (data.length !== tf.util.sizeFromShape([...shape])) {
      throw new Error(
        `${caller}: data.${name} has ${data.length} values, but its shape [${shape}] needs ${tf.util.sizeFromShape([...shape])}`,
      );
    }
    if (shape[0] !== samples) {
      throw new Error(
        `${caller}: data.${name} has ${shape[0]} samples, but data.${entries[0][0]} has ${samples}`,
      );
    }
  }
  if (samples === 0) throw new Error(`${caller}: data holds no sample`);
  return samples;
}

/** The samples `indices` as tensors, which the caller disposes of. */
export function gatherBatch<K extends string>(columns: Columns<K>, indices: Int32Array): ColumnBatch<K> {
  const batch: Record<string, tf.Tensor> = {};
  for (const [name, { data, shape }] of Object.entries<Column>(columns)) {
    const row = tf.util.sizeFromShape(shape.slice(1));
    const isFloat = data instanceof Float32Array;
    const values = isFloat ? new Float32Array(indices.length * row) : new Int32Array(indices.length * row);
    for (let i = 0; i < indices.length; i++) {
      values.set(data.subarray(indices[i] * row, (indices[i] + 1) * row), i * row);
    }
    batch[name] = tf.tensor(values, [indices.length, ...shape.slice(1)], isFloat ? 'float32' : 'int32');
  }
  return batch as ColumnBatch<K>;
}
