/**
 * Asks `source` for up to `depth` items ahead of the reader, so that what is slow in it (files, decoding, another thread) happens
 * while the reader is busy. Items come in their order; an error comes where its item would have. Leaving the loop ends the source.
 *
 * A source that only computes gains nothing: it has no other thread to run in. See `batchesInBackground`.
 */
export async function* prefetch<T>(source: AsyncIterable<T> | Iterable<T>, depth = 4): AsyncGenerator<T> {
  if (!Number.isInteger(depth) || depth < 1) {
    throw new Error(`prefetch: depth must be a whole number from 1 on, got ${depth}`);
  }
  const iterator =
    Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
  const ahead: Promise<IteratorResult<T>>[] = [];
  // One request at a time: a source need not bear several.
  let last: Promise<unknown> = Promise.resolve();
  const request = (): void => {
    const next = last.then(() => iterator.next());
    next.catch(() => {}); // reported when its turn comes
    last = next.catch(() => {});
    ahead.push(next);
  };
  try {
    for (let i = 0; i < depth; i++) request();
    for (;;) {
      const { done, value } = await ahead.shift()!;
      if (done) return;
      request();
      yield value;
    }
  } finally {
    await last;
    await iterator.return?.();
  }
}
