import { Executable } from '@primal-attention/pjrt';

/** What went into the plugin's own execute, and which programs ran, since the last {@link resetNativeTime}. */
export const native: { ms: number; readonly programs: Set<Executable> } = { ms: 0, programs: new Set() };

export function resetNativeTime(): void {
  native.ms = 0;
  native.programs.clear();
}

const { execute } = Executable.prototype;
Executable.prototype.execute = function (this: Executable, ...args: Parameters<typeof execute>) {
  const start = performance.now();
  const result = execute.apply(this, args);
  native.ms += performance.now() - start;
  native.programs.add(this);
  return result;
};
