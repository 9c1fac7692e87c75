/**
 * The control channel, in a thread of its own: it hears an interrupt even while a cell blocks the main thread.
 *
 * Signals alone would not do. Node.js interrupts a blocking cell on SIGINT only up to the cell's first `await`; what
 * runs after that is a continuation, which no signal reaches, and a training loop is just that.
 */
import { createHmac, randomUUID, timingSafeEqual } from 'node:crypto';
import inspector from 'node:inspector';
import { createRequire } from 'node:module';
import { setTimeout as sleep } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import { BLOCKING, BROKEN_OFF, SEEN } from './control-state.mjs';

const require = createRequire(import.meta.url);
const { Router } = require(require.resolve('zeromq', { paths: [require.resolve('tslab')] }));
const { connection, state } = workerData;

/** A main thread that does not answer for so long is blocked. */
const PATIENCE_MS = 500;
const DELIMITER = '<IDS|MSG>';

const socket = new Router({ sendHighWaterMark: 0, sendTimeout: 0 });
await socket.bind(`${connection.transport}://${connection.ip}:${connection.control_port}`);
parentPort.on('message', (message) => {
  if (message !== 'close') return void socket.send(message);
  socket.close();
  parentPort.close();
});

for await (const frames of socket) {
  const delimiter = frames.findIndex((frame) => frame.toString() === DELIMITER);
  const [signature, ...parts] = frames.slice(delimiter + 1);
  const header = JSON.parse(parts[0].toString());
  if (header.msg_type !== 'interrupt_request') {
    parentPort.postMessage(frames);
  } else if (timingSafeEqual(Buffer.from(sign(parts)), signature)) {
    await interrupt();
    const reply = [
      { ...header, msg_id: randomUUID(), msg_type: 'interrupt_reply', date: new Date().toISOString() },
      header,
      {},
      { status: 'ok' },
    ].map((part) => JSON.stringify(part));
    await socket.send([...frames.slice(0, delimiter), DELIMITER, sign(reply), ...reply]);
  }
}

function sign(parts) {
  const hash = createHmac('sha256', connection.key);
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}

async function interrupt() {
  if (Atomics.load(state, BLOCKING) === 1) {
    process.kill(process.pid, 'SIGINT');
    return;
  }
  const seen = Atomics.load(state, SEEN);
  parentPort.postMessage('interrupt');
  await sleep(PATIENCE_MS);
  if (Atomics.load(state, SEEN) !== seen || Atomics.load(state, BLOCKING) === 1) return;
  Atomics.add(state, BROKEN_OFF, 1);
  const session = new inspector.Session();
  session.connectToMainThread();
  await new Promise((resolve) => session.post('Runtime.terminateExecution', resolve));
  session.disconnect();
}
