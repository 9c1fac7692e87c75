import type { Client, Executable } from '@primal-attention/pjrt';
import type { DiskCache } from './disk-cache/disk-cache.js';
import { dumpModule } from './dump.js';
import { refuseOversized } from './memory-guard.js';

/** How many compiled programs are kept in memory. A loop over ever new shapes must not fill it. */
const defaultCapacity = 256;

/** The compiled programs of a client, by structure; the least recently used one goes first. */
export class ExecutableCache {
  readonly #client: Client;
  readonly #capacity: number;
  readonly #disk: DiskCache | undefined;
  readonly #executables = new Map<string, Executable>();
  readonly #compiling = new Map<string, Promise<void>>();
  readonly statistics = {
    /** Programs that were compiled, and how long that took. */
    compilations: 0,
    milliseconds: 0,
    /** Programs that were found in memory. */
    hits: 0,
    /** Programs that were loaded from disk instead of being compiled, and how long that took. */
    loads: 0,
    loadMilliseconds: 0,
    /** Programs that were looked for on disk in vain. */
    misses: 0,
  };

  /** @param disk where compiled programs outlive the process; without it they don't */
  constructor(client: Client, capacity = defaultCapacity, disk?: DiskCache) {
    this.#client = client;
    this.#capacity = capacity;
    this.#disk = disk;
  }

  get size(): number {
    return this.#executables.size;
  }

  has(key: string): boolean {
    return this.#executables.has(key);
  }

  /** The program of a key; compiles what `emit` gives when there is none. */
  get(key: string, emit: () => string): Executable {
    const cached = this.#executables.get(key);
    if (cached !== undefined) {
      this.statistics.hits++;
      this.#executables.delete(key);
      this.#executables.set(key, cached);
      return cached;
    }
    const executable = this.compile(emit());
    this.#keep(key, executable);
    return executable;
  }

  /** Makes the program of a key ready, if need be, without blocking the event loop. */
  async prepare(key: string, emit: () => string): Promise<void> {
    if (this.#executables.has(key)) return;
    let running = this.#compiling.get(key);
    if (running === undefined) {
      running = this.#prepare(key, emit()).finally(() => this.#compiling.delete(key));
      this.#compiling.set(key, running);
    }
    await running;
  }

  async #prepare(key: string, module: string): Promise<void> {
    const executable = await this.compileAsync(module);
    if (this.#executables.has(key)) executable.dispose();
    else this.#keep(key, executable);
  }

  /** Loads a program from disk, or compiles it. The caller owns it. */
  compile(module: string): Executable {
    dumpModule(module);
    const key = this.#disk?.key(module);
    const loaded = key === undefined ? undefined : this.#load(key);
    if (loaded !== undefined) return loaded;
    const start = performance.now();
    const executable = this.#client.compile(module);
    this.#compiled(start);
    refuseOversized(this.#client, executable);
    if (key !== undefined) this.#disk!.write(key, executable.serialize());
    return executable;
  }

  /** Like {@link compile}, without blocking the event loop. */
  async compileAsync(module: string): Promise<Executable> {
    dumpModule(module);
    const key = await this.#disk?.keyAsync(module);
    const loaded = key === undefined ? undefined : await this.#loadAsync(key);
    if (loaded !== undefined) return loaded;
    const start = performance.now();
    const executable = await this.#client.compileAsync(module);
    this.#compiled(start);
    refuseOversized(this.#client, executable);
    if (key !== undefined) await this.#disk!.writeAsync(key, await executable.serializeAsync());
    return executable;
  }

  #load(key: string): Executable | undefined {
    const start = performance.now();
    const bytes = this.#disk!.read(key);
    try {
      return this.#loaded(key, start, bytes && this.#client.deserialize(bytes));
    } catch (error) {
      return this.#refused(key, error);
    }
  }

  async #loadAsync(key: string): Promise<Executable | undefined> {
    const start = performance.now();
    const bytes = await this.#disk!.readAsync(key);
    try {
      return this.#loaded(key, start, bytes && (await this.#client.deserializeAsync(bytes)));
    } catch (error) {
      return this.#refused(key, error);
    }
  }

  #loaded(key: string, start: number, executable: Executable | undefined): Executable | undefined {
    if (executable === undefined) {
      this.statistics.misses++;
      return undefined;
    }
    const elapsed = performance.now() - start;
    this.statistics.loads++;
    this.statistics.loadMilliseconds += elapsed;
    this.#disk!.log('hit', key, `${elapsed.toFixed(1)} ms`);
    return executable;
  }

  #refused(key: string, reason: unknown): undefined {
    this.statistics.misses++;
    this.#disk!.reject(key, reason);
    return undefined;
  }

  #compiled(start: number): void {
    this.statistics.compilations++;
    this.statistics.milliseconds += performance.now() - start;
  }

  #keep(key: string, executable: Executable): void {
    this.#executables.set(key, executable);
    if (this.#executables.size <= this.#capacity) return;
    const [oldest, evicted] = this.#executables.entries().next().value!;
    this.#executables.delete(oldest);
    evicted.dispose();
  }

  dispose(): void {
    for (const executable of this.#executables.values()) executable.dispose();
    this.#executables.clear();
  }
}
