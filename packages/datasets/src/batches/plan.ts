import { RandomStream } from '../random.js';

/** Samples of the same bucket have similar lengths, and so little padding. */
export interface LengthBuckets {
  /** Of every sample. */
  readonly lengths: ArrayLike<number>;
  /** Longest length of each bucket, ascending; the last is at least the longest sample's. */
  readonly bounds: readonly number[];
}

/** Which samples make up the batches, and in what order. */
export interface PlanOptions {
  readonly batchSize: number;
  /** Shuffles anew in each epoch; undefined keeps the order of the data. */
  readonly seed?: number;
  /** Default 1; Infinity never ends. */
  readonly epochs?: number;
  /** Epochs are counted from 1; another start takes a run up where it stopped. Default 1. */
  readonly firstEpoch?: number;
  /**
   * The samples that are left when fewer than a batch remain at an epoch's end: `keep` (default) makes a smaller batch, `drop` leaves
   * them out, `carry` lets the next epoch fill the batch (the samples left after the last epoch make a smaller one).
   */
  readonly remainder?: 'keep' | 'drop' | 'carry';
  readonly buckets?: LengthBuckets;
}

/** One batch, before it is gathered. */
export interface PlannedBatch {
  /** Of its last sample, from 1. */
  readonly epoch: number;
  readonly indices: Int32Array;
  /** The bucket's bound, where there are buckets. */
  readonly bound?: number;
}

/**
 * The batches of `samples` samples, in order.
 *
 * The order of an epoch follows from seed and epoch alone, as in packages/training, so that any epoch can be resumed. With buckets,
 * samples are taken in that order and each goes to its bucket; a bucket that is full becomes the next batch.
 */
export function* planBatches(samples: number, options: PlanOptions): Generator<PlannedBatch> {
  const {
    batchSize,
    seed,
    epochs = 1,
    firstEpoch = 1,
    remainder = 'keep',
    buckets,
  } = checked(samples, options);
  if (samples === 0) return;
  const bucketOf = buckets ? assign(samples, buckets) : undefined;
  const bounds: readonly (number | undefined)[] = buckets?.bounds ?? [undefined];
  const waiting = bounds.map(() => ({ indices: new Int32Array(batchSize), count: 0 }));
  const take = (bucket: number, epoch: number): PlannedBatch => {
    const { indices, count } = waiting[bucket];
    waiting[bucket] = { indices: new Int32Array(batchSize), count: 0 };
    const bound = bounds[bucket];
    return { epoch, indices: indices.subarray(0, count), ...(bound === undefined ? {} : { bound }) };
  };
  const lastEpoch = firstEpoch + epochs - 1;
  for (let epoch = firstEpoch; epoch <= lastEpoch; epoch++) {
    const order =
      seed === undefined ? undefined : new RandomStream(seed, 'shuffle', epoch).permutation(samples);
    for (let i = 0; i < samples; i++) {
      const index = order ? order[i] : i;
      const bucket = bucketOf ? bucketOf[index] : 0;
      const batch = waiting[bucket];
      batch.indices[batch.count++] = index;
      if (batch.count === batchSize) yield take(bucket, epoch);
    }
    if (remainder === 'carry' && epoch < lastEpoch) continue;
    for (let bucket = 0; bucket < waiting.length; bucket++) {
      if (waiting[bucket].count === 0) continue;
      if (remainder === 'drop') waiting[bucket].count = 0;
      else yield take(bucket, epoch);
    }
  }
}

function checked(samples: number, options: PlanOptions): PlanOptions {
  const { batchSize, epochs = 1, firstEpoch = 1, remainder } = options;
  const whole = (name: string, value: number, infinite = false): void => {
    if ((Number.isSafeInteger(value) && value >= 1) || (infinite && value === Infinity)) return;
    throw new Error(`batches: ${name} must be a whole number from 1 on, got ${value}`);
  };
  whole('batchSize', batchSize);
  whole('epochs', epochs, true);
  whole('firstEpoch', firstEpoch);
  // A stream that drops everything would never give a batch and never end.
  if (remainder === 'drop' && epochs === Infinity && batchSize > samples) {
    throw new Error(
      `batches: ${samples} samples make no batch of ${batchSize}, and the remainder is dropped`,
    );
  }
  return options;
}

function assign(samples: number, { lengths, bounds }: LengthBuckets): Uint16Array {
  if (lengths.length !== samples) {
    throw new Error(
      `batches: buckets.lengths has ${lengths.length} entries, expected one for each of ${samples} samples`,
    );
  }
  if (bounds.length === 0 || bounds.some((bound, i) => !(bound > (bounds[i - 1] ?? 0)))) {
    throw new Error(`batches: buckets.bounds must ascend from above 0, got [${bounds}]`);
  }
  return Uint16Array.from({ length: samples }, (_, index) => {
    const bucket = bounds.findIndex((bound) => lengths[index] <= bound);
    if (bucket >= 0) return bucket;
    throw new Error(
      `batches: sample ${index} has length ${lengths[index]}, above the last bound ${bounds.at(-1)}`,
    );
  });
}
