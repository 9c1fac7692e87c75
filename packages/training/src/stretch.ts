import * as tf from '@tensorflow/tfjs';
import type { BatchStream } from './batch-stream.js';
import { type ColumnBatch, type Columns, gatherBatch } from './batches.js';
import type { WeightedMeans } from './means.js';

/** Results are read this often, and progress is shown. */
const millisecondsBetweenReads = 100;
/** Steps whose results stay unread at such a moment, so that the device never waits for the host. */
const stepsLeftInFlight = 4;
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

export interface StretchOptions<K extends string> {
  readonly data: Columns<K>;
  /** Which samples each step takes. */
  readonly stream: BatchStream;
  /** Steps completed before. */
  readonly from: number;
  /** Steps completed after. */
  readonly to: number;
  /** Takes up the means over the samples. */
  readonly means: WeightedMeans;
  /** Called before step `step` (from 0) is started. */
  readonly beforeStep: (step: number) => void;
  /** One training step: its loss and metrics as a vector, named by `names()`. The loss is the first. */
  readonly step: (batch: ColumnBatch<K>) => tf.Tensor;
  readonly names: () => readonly string[];
  readonly stopAtNonFinite: boolean;
  /** Asked about ten times a second: true ends the stretch early. */
  readonly pause: () => boolean;
  /** Called about ten times a second, and at the end. `step` counts the steps whose results are known. */
  readonly onProgress: (step: number) => void;
}

/**
 * Runs some steps of a training, and returns how many are completed then.
 *
 * The host starts steps without waiting for their results, which it reads every tenth of a second and then all but the
 * last: reading each step's loss would make the device wait for the host after every step.
 */
export async function runStretch<K extends string>(options: StretchOptions<K>): Promise<number> {
  const { data, stream, from, to, means, names } = options;
  const pending: { values: tf.Tensor; size: number }[] = [];
  let started = from;
  let known = from;

  const readAllBut = async (left: number): Promise<void> => {
    while (pending.length > left) {
      const { values, size } = pending[0];
      const numbers = await values.data();
      pending.shift();
      values.dispose();
      if (options.stopAtNonFinite && !Number.isFinite(numbers[0])) {
        const epoch = stream.epochsAfter(known) + 1;
        throw new NonFiniteError(
          `train: the loss of epoch ${epoch}, step ${known + 1}, is ${numbers[0]}; the checkpoint before it stays. ` +
            'Try a smaller learning rate, clipNorm or a warmup',
          epoch,
          known + 1,
        );
      }
      known++;
      means.add(names(), numbers, size);
    }
  };

  try {
    let lastRead = performance.now();
    while (started < to) {
      options.beforeStep(started);
      const indices = stream.at(started);
      const batch = gatherBatch(data, indices);
      pending.push({ values: options.step(batch), size: indices.length });
      tf.dispose(batch as tf.TensorContainer);
      started++;
      if (pending.length >= stepsInFlight || performance.now() - lastRead >= millisecondsBetweenReads) {
        await readAllBut(stepsLeftInFlight);
        if (known > from) options.onProgress(known);
        // Lets timers, signals and displays have their turn, where reading a tensor does not.
        await new Promise((resolve) => setImmediate(resolve));
        if (options.pause()) break;
        lastRead = performance.now();
      }
    }
    await readAllBut(0);
  } finally {
    for (const { values } of pending) values.dispose();
  }
  options.onProgress(known);
  return known;
}
