import { formatProgress, type ProgressSink, type ProgressState } from './sink.js';
import type { ProgressStream } from './terminal.js';

const millisecondsWithinEpoch = 10_000;
const millisecondsBetweenEpochs = 1000;

/**
 * Plain lines for a log file: one at the end of each epoch, and every ten seconds within a long one. Epochs that take
 * less than a second share a line.
 */
export function logProgress(stream: ProgressStream = process.stderr): ProgressSink {
  let shown = Number.NEGATIVE_INFINITY;
  let last: ProgressState | undefined;
  let pending = false;
  const print = (state: ProgressState): void => {
    stream.write(`${formatProgress(state)}\n`);
    shown = performance.now();
    pending = false;
  };
  return {
    update(state) {
      last = state;
      pending = true;
      const elapsed = performance.now() - shown;
      const endOfEpoch = state.step > 0 && state.step * state.totalEpochs === state.epoch * state.totalSteps;
      if (elapsed >= (endOfEpoch ? millisecondsBetweenEpochs : millisecondsWithinEpoch)) print(state);
    },
    message(text) {
      stream.write(`${text}\n`);
    },
    close() {
      if (last !== undefined && pending) print(last);
      last = undefined;
    },
  };
}
