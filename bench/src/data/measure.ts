import { type Batch, batches, batchesInBackground } from '@primal-attention/datasets';
import type { Input } from './inputs.js';

/** How batches come: `here`, gathered by the thread that trains, or `thread`, by one of their own ahead of it. */
export type Way = 'here' | 'thread';

/** What was measured of one task. */
export interface DataTime {
  readonly task: string;
  readonly from: Input['from'];
  readonly way: Way;
  readonly batch: number;
  /** Of one batch. */
  readonly bytes: number;
  /** With a reader that does nothing else. */
  readonly batchesPerSecond: number;
  /** wait / (wait + step), with a reader that is busy for `stepMs` after each batch. */
  readonly waiting: number;
  readonly stepMs: number;
}

/** Options of {@link measure}. */
export interface MeasureOptions {
  readonly stepMs: number;
  /** Batches of each measurement, after a tenth of them that do not count. */
  readonly count: number;
}

/** Times the batches of a task, shuffled and without end. */
export async function measure(input: Input, way: Way, options: MeasureOptions): Promise<DataTime> {
  const free = await run(input, way, options.count, () => {});
  const busy = await run(input, way, options.count, () => block(options.stepMs));
  const { task, from, batch } = input;
  return {
    ...{ task, from, way, batch },
    bytes: free.bytes,
    batchesPerSecond: options.count / (free.waited / 1000),
    waiting: busy.waited / busy.total,
    stepMs: options.stepMs,
  };
}

async function run(
  { train, batch }: Input,
  way: Way,
  count: number,
  step: () => void,
): Promise<{ waited: number; total: number; bytes: number }> {
  const options = {
    batchSize: batch,
    seed: 0,
    epochs: Number.POSITIVE_INFINITY,
    remainder: 'carry',
  } as const;
  const source = iterator(way === 'here' ? batches(train, options) : batchesInBackground(train, options));
  let waited = 0;
  let bytes = 0;
  const take = async (): Promise<void> => {
    const start = performance.now();
    const { value } = await source.next();
    waited += performance.now() - start;
    bytes = Object.values((value as Batch).columns).reduce((sum, { data }) => sum + data.byteLength, 0);
    step();
  };
  try {
    for (let i = 0; i < Math.ceil(count / 10); i++) await take();
    waited = 0;
    const start = performance.now();
    for (let i = 0; i < count; i++) await take();
    return { waited, total: performance.now() - start, bytes };
  } finally {
    await source.return?.();
  }
}

function iterator<T>(source: Iterable<T> | AsyncIterable<T>): Iterator<T> | AsyncIterator<T> {
  return Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
}

const never = new Int32Array(new SharedArrayBuffer(4));

/** Holds this thread as a call into the accelerator does, without work for the processor. */
function block(ms: number): void {
  Atomics.wait(never, 0, 0, ms);
}
