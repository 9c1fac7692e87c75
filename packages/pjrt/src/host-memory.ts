import koffi from 'koffi';
import { availableMemory } from './available-memory.js';
import { dynamicLinker } from './dynamic-linker.js';

// Parameters of glibc's mallopt and madvise.
const trimThreshold = -1;
const mmapMax = -4;
const never = -1;
const hugePages = 14;
const hugePageBytes = 2n ** 21n;

let done = false;

/**
 * Lets the C library keep freed memory for the next allocation, and back it by huge pages, for CPU plugins: they allocate
 * a program's temporaries, often hundreds of megabytes, anew at each run. glibc takes blocks of that size from the operating
 * system and gives them back at once, and then a third of a training step is page faults.
 *
 * It holds for the whole process: what was allocated once stays with it (in its heap, to be used again), which shows in its
 * resident size. `PRIMAL_MALLOC=system` leaves the C library as it is. On systems without glibc nothing is done.
 *
 * @throws Error when `PRIMAL_MALLOC` is something else
 */
export function reuseHostMemory(env: NodeJS.ProcessEnv = process.env): void {
  const setting = env.PRIMAL_MALLOC || 'reuse';
  if (setting !== 'reuse' && setting !== 'system') {
    throw new Error(`PRIMAL_MALLOC must be 'reuse' or 'system', got '${setting}'`);
  }
  if (done || setting === 'system' || process.platform !== 'linux' || !usesGlibc()) return;
  done = true;
  const libc = koffi.load('libc.so.6');
  const mallopt = libc.func('int mallopt(int parameter, int value)');
  mallopt(mmapMax, 0);
  mallopt(trimThreshold, never);
  const malloc = libc.func('void *malloc(size_t size)');
  const free = libc.func('void free(void *block)');
  const madvise = libc.func('int madvise(void *address, size_t length, int advice)');
  // Addresses only: pages come when they are used, so this block costs nothing, and the heap keeps its advice when it is freed.
  const bytes = BigInt(Math.floor(availableMemory() / 2));
  const block = malloc(bytes) as bigint | null;
  // Where the system does not promise so much, memory is still reused, in small pages.
  if (block === null) return;
  const start = ((block + hugePageBytes - 1n) / hugePageBytes) * hugePageBytes;
  const length = ((block + bytes - start) / hugePageBytes) * hugePageBytes;
  // It fails on kernels without huge pages, where there is nothing to gain.
  madvise(start, length, hugePages);
  free(block);
}

function usesGlibc(): boolean {
  return dynamicLinker().dlsym(null, 'gnu_get_libc_version') !== null;
}
