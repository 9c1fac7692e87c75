/** What is done in one go, in milliseconds, before the event loop may turn. */
export const turnMilliseconds = 10;

/** Lets the event loop do what is waiting. */
export function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
