import { formatProgress, type ProgressSink, type ProgressState } from './sink.js';

const millisecondsBetweenUpdates = 100;

/** What a display writes to: `process.stderr`, or anything like it. */
export interface ProgressStream {
  write(text: string): unknown;
  readonly isTTY?: boolean;
  readonly columns?: number;
}

/** One line on a terminal, rewritten at most ten times a second. */
export function terminalProgress(stream: ProgressStream = process.stderr): ProgressSink {
  let shown = Number.NEGATIVE_INFINITY;
  let last: ProgressState | undefined;
  const draw = (): void => {
    if (last === undefined) return;
    // A line that wraps could not be rewritten.
    stream.write(`\r${formatProgress(last).slice(0, (stream.columns ?? 80) - 1)}\u001b[K`);
    shown = performance.now();
  };
  return {
    update(state) {
      last = state;
      if (performance.now() - shown >= millisecondsBetweenUpdates) draw();
    },
    message(text) {
      stream.write(`\r\u001b[K${text}\n`);
      draw();
    },
    close() {
      if (last === undefined) return;
      draw();
      stream.write('\n');
      last = undefined;
    },
  };
}
