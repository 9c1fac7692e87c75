import * as tf from '@tensorflow/tfjs';
import { type ColumnBatch, type Columns, gatherBatch, splitIntoBatches } from './batches.js';
import { WeightedMeans } from './means.js';

/** Results are read this often, and progress is shown. */
const millisecondsBetweenReads = 100;
/** Steps whose results stay unread at such a moment, so that the device never waits for the host. */
const stepsLeftInFlight = 2;
/** Steps that may be in flight at most: each holds its batch in device memory. */
const stepsInFlight = 64;

/** Training met a loss or a weight that is NaN or infinite. */
export class NonFiniteError extends Error {
  override readonly name = 'NonFiniteError';
  constructor(
    message: string,
    /** The epoch under way, from 1. */
    readonly epoch: number,
    /** The step, counted from 1 over the whole run. */
    readonly step: number,
  ) {
    super(message);
  }
}

export interface EpochOptions<K extends string> {
  readonly data: Columns<K>;
  /** The samples of this epoch, in order. */
  readonly order: Int32Array;
  readonly batchSize: number;
  /** Steps completed before this epoch. */
  readonly firstStep: number;
  /** The number of this epoch, from 1. */
  readonly epoch: number;
  /** Called before step `step` (from 0) is started. */
  readonly beforeStep: (step: number) => void;
  /** One training step: its loss and metrics as a vector, named by `names()`. The loss is the first. */
  readonly step: (batch: ColumnBatch<K>) => tf.Tensor;
  readonly names: () => readonly string[];
  readonly stopAtNonFinite: boolean;
  /** Called about ten times a second, and at the end. `step` counts the steps whose results are known. */
  readonly onProgress: (step: number, means: Record<string, number>) => void;
}

/**
 * Runs one epoch and returns the means over its samples.
 *
 * The host starts steps without waiting for their results, which it reads every tenth of a second and then all but the
 * last: reading each step's loss would make the device wait for the host after every step.
 */
export async function runEpoch<K extends string>(options: EpochOptions<K>): Promise<Record<string, number>> {
  const { data, order, batchSize, firstStep, epoch, names } = options;
  const means = new WeightedMeans();
  const pending: { values: tf.Tensor; size: number }[] = [];
  let started = firstStep;
  let known = firstStep;

  const readAllBut = async (left: number): Promise<void> => {
    while (pending.length > left) {
      const { values, size } = pending[0];
      const numbers = await values.data();
      pending.shift();
      values.dispose();
      known++;
      if (options.stopAtNonFinite && !Number.isFinite(numbers[0])) {
        throw new NonFiniteError(
          `train: the loss of epoch ${epoch}, step ${known}, is ${numbers[0]}; the last checkpoint is from the epoch ` +
            'before. Try a smaller learning rate, clipNorm or a warmup',
          epoch,
          known,
        );
      }
      means.add(names(), numbers, size);
    }
  };

  try {
    let lastRead = performance.now();
    for (const indices of splitIntoBatches(order, batchSize)) {
      options.beforeStep(started);
      const batch = gatherBatch(data, indices);
      pending.push({ values: options.step(batch), size: indices.length });
      tf.dispose(batch as tf.TensorContainer);
      started++;
      if (pending.length >= stepsInFlight || performance.now() - lastRead >= millisecondsBetweenReads) {
        await readAllBut(stepsLeftInFlight);
        if (known > firstStep) options.onProgress(known, means.get());
        // Lets timers, signals and displays have their turn, where reading a tensor does not.
        await new Promise((resolve) => setImmediate(resolve));
        lastRead = performance.now();
      }
    }
    await readAllBut(0);
  } finally {
    for (const { values } of pending) values.dispose();
  }
  const result = means.get();
  options.onProgress(known, result);
  return result;
}
