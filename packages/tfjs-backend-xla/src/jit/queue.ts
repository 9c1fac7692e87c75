const last = new WeakMap<object, Promise<unknown>>();

/** Runs asynchronous tasks of one owner one after the other, in the order of the calls; one that fails stops no other. */
export function inOrder<T>(owner: object, task: () => Promise<T>): Promise<T> {
  const result = (last.get(owner) ?? Promise.resolve()).then(task);
  last.set(
    owner,
    // The caller hears of a failure from the result itself.
    result.catch(() => undefined),
  );
  return result;
}
