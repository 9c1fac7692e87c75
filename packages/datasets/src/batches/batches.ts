import { type Columns, countSamples } from '../arrays.js';
import { type Batch, gather } from './gather.js';
import { type PlanOptions, planBatches } from './plan.js';

/** Options of {@link batches}. */
export interface BatchOptions extends PlanOptions {
  /** With buckets: columns [samples, steps, …] that keep only as many steps as their batch's bound. */
  readonly trim?: readonly string[];
}

/**
 * The data in batches, each gathered when it is asked for. For work that takes longer than copying rows, see `prefetch` and
 * `batchesInBackground`.
 */
export function batches<K extends string>(columns: Columns<K>, options: BatchOptions): Generator<Batch<K>> {
  const samples = countSamples(columns, 'batches');
  checkTrim(columns, options);
  return generate(columns, samples, options);
}

function* generate<K extends string>(
  columns: Columns<K>,
  samples: number,
  options: BatchOptions,
): Generator<Batch<K>> {
  for (const planned of planBatches(samples, options)) yield gather(columns, planned, options.trim);
}

export function checkTrim(columns: Columns, { trim = [], buckets }: BatchOptions): void {
  for (const name of trim) {
    const shape = Object.hasOwn(columns, name) ? columns[name].shape : undefined;
    if (!buckets) throw new Error(`batches: trim needs buckets, which give the lengths`);
    if (shape === undefined || shape.length < 2) {
      throw new Error(
        `batches: trim names '${name}', which is ${shape ? 'no column of sequences' : 'no column'}`,
      );
    }
  }
}
