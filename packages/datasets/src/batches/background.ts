import { Worker } from 'node:worker_threads';
import { type Column, type ColumnData, type Columns, countSamples } from '../arrays.js';
import { compiledUrl } from '../compiled-url.js';
import { type BatchOptions, checkTrim } from './batches.js';
import type { Batch } from './gather.js';

/** Options of {@link batchesInBackground}. */
export interface BackgroundOptions extends BatchOptions {
  /** Batches that are ready before they are asked for. Default 4. */
  readonly depth?: number;
}

/** What the thread is given. */
export interface BackgroundTask {
  readonly columns: Columns;
  readonly options: BatchOptions;
}

/**
 * As `batches`, gathered by a worker thread ahead of the reader: the thread that drives the accelerator only receives them.
 *
 * Columns are copied once into memory that both threads see, unless they lie there already (`shareColumns`). Batches are given over
 * and not copied. The same batches as `batches` gives, in the same order. Leaving the loop ends the thread.
 */
export async function* batchesInBackground<K extends string>(
  columns: Columns<K>,
  options: BackgroundOptions,
): AsyncGenerator<Batch<K>> {
  countSamples(columns, 'batchesInBackground');
  checkTrim(columns, options);
  const { depth = 4, ...rest } = options;
  if (!Number.isInteger(depth) || depth < 1) {
    throw new Error(`batchesInBackground: depth must be a whole number from 1 on, got ${depth}`);
  }
  const task: BackgroundTask = { columns: shareColumns(columns), options: rest };
  const worker = new Worker(new URL(compiledUrl(new URL('./worker.js', import.meta.url).href)), {
    workerData: task,
  });
  const inbox = new Inbox<Batch<K>>(worker);
  try {
    for (let i = 0; i < depth; i++) worker.postMessage('next');
    for (;;) {
      const batch = await inbox.next();
      if (batch === null) return;
      worker.postMessage('next');
      yield batch;
    }
  } finally {
    await worker.terminate();
  }
}

/** Messages in their order; null is the end. */
class Inbox<T> {
  private readonly ready: (T | null)[] = [];
  private failure: Error | undefined;
  private wake: () => void = () => {};

  constructor(worker: Worker) {
    worker.on('message', (message: T | null) => {
      this.ready.push(message);
      this.wake();
    });
    worker.on('error', (error: Error) => {
      this.failure = error;
      this.wake();
    });
    worker.on('exit', (code) => {
      this.failure ??= new Error(`batchesInBackground: the thread ended by itself, with exit code ${code}`);
      this.wake();
    });
  }

  async next(): Promise<T | null> {
    while (this.ready.length === 0) {
      if (this.failure) throw this.failure;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
    return this.ready.shift()!;
  }
}

/** The columns in memory that several threads can see; those that lie in such memory are not copied. */
export function shareColumns<K extends string>(columns: Columns<K>): Columns<K> {
  const shared: Record<string, Column> = {};
  for (const [name, { data, shape }] of Object.entries<Column>(columns)) {
    shared[name] = { data: data.buffer instanceof SharedArrayBuffer ? data : share(data), shape };
  }
  return shared as Columns<K>;
}

function share(data: ColumnData): ColumnData {
  const TypedArray = data.constructor as new (buffer: SharedArrayBuffer) => ColumnData;
  const copy = new TypedArray(new SharedArrayBuffer(data.byteLength));
  copy.set(data);
  return copy;
}
