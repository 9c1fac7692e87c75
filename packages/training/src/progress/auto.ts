import { logProgress } from './log.js';
import type { ProgressSink } from './sink.js';
import { type ProgressStream, terminalProgress } from './terminal.js';

/** {@link terminalProgress} on a terminal, else {@link logProgress}. */
export function autoProgress(stream: ProgressStream = process.stderr): ProgressSink {
  return stream.isTTY === true ? terminalProgress(stream) : logProgress(stream);
}
