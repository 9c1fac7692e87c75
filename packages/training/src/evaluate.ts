import { jit } from '@primal-attention/runtime';
import * as tf from '@tensorflow/tfjs';
import { type ColumnBatch, type Columns, countSamples, gatherBatch } from './batches.js';
import { WeightedMeans } from './means.js';

/** Batches in flight: enough that the device never waits, few enough that memory stays small. */
const batchesAhead = 8;

/**
 * Measures a model over a dataset.
 *
 * @param batches a batch size, for all samples in order, the last batch being smaller where it must; or the samples of each
 *   batch, for instance some of a `BatchStream`
 * @param signal ends the evaluation early, with the signal's reason as the error
 */
export type Evaluator<K extends string> = (
  data: Columns<K>,
  batches: number | Iterable<Int32Array>,
  signal?: AbortSignal,
) => Promise<Record<string, number>>;

/**
 * Builds an evaluation: the means of `metrics` over samples of a dataset, without gradients.
 *
 * `metrics` gives scalars that are means over the batch; a smaller batch counts by its size. It is compiled once per size of a
 * batch and may be used for several datasets.
 */
export function createEvaluator<K extends string>(
  metrics: (batch: ColumnBatch<K>) => Readonly<Record<string, tf.Tensor>>,
): Evaluator<K> {
  let names: readonly string[] = [];
  const program = jit((batch: ColumnBatch<K>) =>
    tf.tidy(() => {
      const values = metrics(batch);
      names = Object.keys(values);
      return packScalars(values, 'createEvaluator');
    }),
  );
  return async (data, batches, signal) => {
    const samples = countSamples(data, 'evaluate');
    const means = new WeightedMeans();
    const pending: { values: tf.Tensor; size: number }[] = [];
    const readOldest = async (): Promise<void> => {
      const { values, size } = pending[0];
      means.add(names, await values.data(), size);
      pending.shift();
      values.dispose();
      // Lets the signal come, where reading a tensor does not.
      if (signal !== undefined) await new Promise((resolve) => setImmediate(resolve));
    };
    try {
      for (const indices of typeof batches === 'number' ? inOrder(samples, batches) : batches) {
        signal?.throwIfAborted();
        const batch = gatherBatch(data, indices);
        pending.push({ values: program(batch), size: indices.length });
        tf.dispose(batch as tf.TensorContainer);
        if (pending.length > batchesAhead) await readOldest();
      }
      while (pending.length > 0) await readOldest();
    } finally {
      for (const { values } of pending) values.dispose();
    }
    return means.get();
  };
}

function* inOrder(samples: number, batchSize: number): IterableIterator<Int32Array> {
  checkBatchSize(batchSize, 'evaluate');
  const order = Int32Array.from({ length: samples }, (_, i) => i);
  for (let start = 0; start < samples; start += batchSize) yield order.subarray(start, start + batchSize);
}

/** Scalars as one vector, so that a step has one small result to read. */
export function packScalars(values: Readonly<Record<string, tf.Tensor>>, caller: string): tf.Tensor1D {
  const entries = Object.entries(values);
  if (entries.length === 0) throw new Error(`${caller}: there is no metric; return at least one scalar`);
  for (const [name, value] of entries) {
    if (!(value instanceof tf.Tensor) || value.rank !== 0) {
      const given = value instanceof tf.Tensor ? `shape [${value.shape}]` : String(value);
      throw new Error(
        `${caller}: the metric '${name}' must be a scalar tensor, a mean over the batch; got ${given}`,
      );
    }
  }
  return tf.stack(entries.map(([, value]) => tf.cast(value, 'float32'))) as tf.Tensor1D;
}

export function checkBatchSize(batchSize: number, caller: string): void {
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new Error(`${caller}: batchSize must be an integer of at least 1, got ${batchSize}`);
  }
}
