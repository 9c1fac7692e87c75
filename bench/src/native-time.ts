import { Executable } from '@primal-attention/pjrt';

/** What went into the plugin's own execute, of all programs, since the last {@link resetNativeTime}. */
export const native: { ms: number; last: Executable | undefined } = { ms: 0, last: undefined };

export function resetNativeTime(): void {
  native.ms = 0;
}

const { execute } = Executable.prototype;
Executable.prototype.execute = function (this: Executable, ...args: Parameters<typeof execute>) {
  const start = performance.now();
  const result = execute.apply(this, args);
  native.ms += performance.now() - start;
  native.last = this;
  return result;
};
