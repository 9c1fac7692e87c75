import { existsSync, readFileSync } from 'node:fs';
import { performance } from 'node:perf_hooks';
import { isMainThread } from 'node:worker_threads';

/** The promise: compiling and running never keep the event loop from its other work for longer, in milliseconds. */
export const pauseLimit = 50;

/** What Linux says of the process's first thread: nanoseconds that it ran, nanoseconds that it waited for a core, and more. */
const schedule = '/proc/self/schedstat';
const isScheduleKnown = isMainThread && existsSync(schedule);

/** How long this thread has been ready to run without a core to run on, in milliseconds: what other programs took from it. */
function waitedForCore(): number {
  return isScheduleKnown ? Number(readFileSync(schedule, 'latin1').split(' ')[1]) / 1e6 : 0;
}

/**
 * How long the event loop stood still at most while `work` was under way, in milliseconds. Where the system tells, time
 * that other threads and programs had the cores is left out. Tracing, which is JavaScript, is subtracted by the caller, who
 * measures it inside the traced function.
 */
export async function longestPause(
  work: () => Promise<unknown>,
): Promise<{ pause: number; elapsed: number }> {
  let pause = 0;
  let last = performance.now();
  let waited = waitedForCore();
  const look = (): void => {
    const [now, waitedNow] = [performance.now(), waitedForCore()];
    pause = Math.max(pause, now - last - 2 - (waitedNow - waited));
    [last, waited] = [now, waitedNow];
  };
  const timer = setInterval(look, 2);
  // Let the timer settle, then look at the work alone.
  await new Promise((resolve) => setTimeout(resolve, 20));
  pause = 0;
  const start = last;
  await work();
  const elapsed = performance.now() - start;
  look();
  clearInterval(timer);
  return { pause, elapsed };
}

/**
 * Other programs on the machine hold this one up now and then, in ways that no counter shows; what we do ourselves does so
 * each time. So the shortest of up to five trials counts.
 */
export async function shortest(trial: () => Promise<number>): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5 && least >= pauseLimit; i++) least = Math.min(least, await trial());
  return least;
}
