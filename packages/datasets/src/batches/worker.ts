import { parentPort, workerData } from 'node:worker_threads';
import type { BackgroundTask } from './background.js';
import { batches } from './batches.js';

// The thread of batchesInBackground: answers each message with the next batch, and null after the last.
const { columns, options } = workerData as BackgroundTask;
const source = batches(columns, options);
parentPort!.on('message', () => {
  const { done, value } = source.next();
  if (done) {
    parentPort!.postMessage(null);
    return;
  }
  const memory = Object.values(value.columns).map(({ data }) => data.buffer as ArrayBuffer);
  parentPort!.postMessage(value, [...new Set(memory)]);
});
