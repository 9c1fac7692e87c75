import { parentPort, workerData } from 'node:worker_threads';
import type { BlockTask } from './parallel.js';

// A thread of inBlocks: is sent ranges, answers each with what the task makes of it.
const { module, name, args } = workerData as BlockTask;
const loaded = (await import(module)) as Record<string, (...args: unknown[]) => unknown>;
parentPort!.on('message', ([start, end]: [number, number]) => {
  const result = loaded[name](...args, start, end);
  parentPort!.postMessage(result, buffers(result));
});

/** The memory of the arrays in a result: given away, not copied. */
function buffers(result: unknown): ArrayBuffer[] {
  const found = new Set<ArrayBuffer>();
  for (const value of Object.values(result as object)) {
    if (ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer) found.add(value.buffer);
  }
  return [...found];
}
