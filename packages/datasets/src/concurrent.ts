/** Calls `task` for 0 .. count - 1, at most `limit` at a time, in order of beginning. The first failure is thrown; no further task begins after it. */
export async function concurrently(
  count: number,
  limit: number,
  task: (index: number) => Promise<void>,
): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: Math.min(limit, count) }, async () => {
      while (next < count) {
        const index = next++;
        try {
          await task(index);
        } catch (error) {
          next = count;
          throw error;
        }
      }
    }),
  );
}
