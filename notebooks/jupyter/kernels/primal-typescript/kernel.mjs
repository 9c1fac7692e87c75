/**
 * The notebook kernel: tslab's converter, executor and Jupyter messages under an execution loop of our own.
 *
 * What differs from stock tslab, each tested in `notebooks/test_kernel.py`:
 * - A failing cell sends a Jupyter `error` message with a short stack in the cell's own lines.
 * - An error that nobody awaits fails the cell that runs when it happens, or else the next one.
 * - Output is gathered before it is sent, so that no amount of it in one tick is lost.
 * - After an error, exactly those requests are aborted that arrived before its reply, and their cells say so.
 * - An interrupt also reaches a cell that blocks the event loop after its first `await` (control.mjs).
 */
import { createRequire } from 'node:module';

try {
  createRequire(import.meta.url).resolve('tslab');
} catch {
  console.error("The kernel needs the repository's dependencies: run `npm run setup` in its root first.");
  process.exit(1);
}

const { KernelServer } = await import('./server.mjs');
const server = new KernelServer(process.argv[2]);
await server.start();

// A kernel whose front end was killed would stay for ever.
const parent = process.ppid;
const watch = setInterval(() => {
  if (process.ppid === parent) return;
  clearInterval(watch);
  server.close();
}, 1000).unref();
