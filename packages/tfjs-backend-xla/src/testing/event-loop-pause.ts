import { performance } from 'node:perf_hooks';

/** The promise: compiling and running never keep the event loop from its other work for longer, in milliseconds. */
export const pauseLimit = 50;

/**
 * How long the event loop stood still at most while `work` was under way, in milliseconds. Tracing, which is JavaScript,
 * is subtracted by the caller, who measures it inside the traced function.
 */
export async function longestPause(
  work: () => Promise<unknown>,
): Promise<{ pause: number; elapsed: number }> {
  let pause = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    const now = performance.now();
    pause = Math.max(pause, now - last - 2);
    last = now;
  }, 2);
  // Let the timer settle, then look at the work alone.
  await new Promise((resolve) => setTimeout(resolve, 20));
  pause = 0;
  const start = last;
  await work();
  const elapsed = performance.now() - start;
  pause = Math.max(pause, performance.now() - last - 2);
  clearInterval(timer);
  return { pause, elapsed };
}

/**
 * Other programs on the machine hold this one up now and then; what we do ourselves does so each time. So the shortest of
 * up to three trials counts.
 */
export async function shortest(trial: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 3 && least >= pauseLimit; i++) least = Math.min(least, await trial());
  return least;
}
