import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { compiledUrl } from './compiled-url.js';

/** How a generator uses the machine. The result does not depend on it. */
export interface ParallelOptions {
  /** Worker threads; 0 does the work in this thread. Default: as many as the machine has cores, if there is work for them. */
  workers?: number;
}

/** What is to be done: the function `name` of `module`, called as `name(...args, start, end)`. */
export interface BlockTask {
  /** URL of a compiled module. */
  module: string;
  name: string;
  /** Values that can be sent to a thread. */
  args: readonly unknown[];
}

/**
 * Calls `task` for 0 .. count - 1 in blocks, on several threads, and returns the blocks' results in order.
 *
 * @param here the same function, for work in this thread
 */
export async function inBlocks<T>(
  task: BlockTask,
  here: (start: number, end: number) => T,
  count: number,
  blockSize: number,
  options: ParallelOptions = {},
): Promise<T[]> {
  const blocks = Math.ceil(count / blockSize);
  const range = (block: number): [number, number] => [
    block * blockSize,
    Math.min(count, (block + 1) * blockSize),
  ];
  const chosen = options.workers ?? (blocks < 4 ? 0 : availableParallelism());
  if (!Number.isInteger(chosen) || chosen < 0) {
    throw new Error(`workers must be a whole number from 0 on, got ${options.workers}`);
  }
  const thread = new URL(compiledUrl(new URL('./parallel-worker.js', import.meta.url).href));
  // A program that was packed into one file has no modules for threads.
  const workers = existsSync(fileURLToPath(thread)) ? Math.min(chosen, blocks) : 0;
  if (workers === 0) {
    const results: T[] = [];
    for (let block = 0; block < blocks; block++) {
      results.push(here(...range(block)));
      // Lets timers and signals through.
      await new Promise((resolve) => setImmediate(resolve));
    }
    return results;
  }
  const results: T[] = new Array(blocks);
  let next = 0;
  await Promise.all(
    Array.from({ length: workers }, async () => {
      const worker = new Worker(thread, {
        workerData: { ...task, module: compiledUrl(task.module) },
      });
      try {
        while (next < blocks) {
          const block = next++;
          results[block] = await ask<T>(worker, range(block));
        }
      } catch (error) {
        next = blocks; // The other workers stop after their block.
        throw error;
      } finally {
        await worker.terminate();
      }
    }),
  );
  return results;
}

function ask<T>(worker: Worker, range: [number, number]): Promise<T> {
  return new Promise((resolve, reject) => {
    const settle = (action: () => void): void => {
      worker.off('message', onMessage).off('error', onError).off('exit', onExit);
      action();
    };
    const onMessage = (result: T): void => settle(() => resolve(result));
    const onError = (error: unknown): void => settle(() => reject(error));
    const onExit = (code: number): void =>
      settle(() => reject(new Error(`a worker thread ended by itself, with exit code ${code}`)));
    worker.on('message', onMessage).on('error', onError).on('exit', onExit);
    worker.postMessage(range);
  });
}
