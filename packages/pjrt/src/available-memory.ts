import { totalmem } from 'node:os';

/** Bytes of memory that this process may use: the machine's, or what its container is limited to. */
export function availableMemory(): number {
  // 0, or an absurdly large number, where no limit is set.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
