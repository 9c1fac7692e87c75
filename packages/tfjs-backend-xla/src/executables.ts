import type { Client, Executable } from '@primal-attention/pjrt';

/** How many compiled programs are kept. A loop over ever new shapes must not fill the memory. */
const defaultCapacity = 256;

/** The compiled programs of a client, by structure; the least recently used one goes first. */
export class ExecutableCache {
  readonly #client: Client;
  readonly #capacity: number;
  readonly #executables = new Map<string, Executable>();
  readonly #compiling = new Map<string, Promise<void>>();
  /** How many programs were compiled, and how long that took. */
  readonly statistics = { compilations: 0, milliseconds: 0 };

  constructor(client: Client, capacity = defaultCapacity) {
    this.#client = client;
    this.#capacity = capacity;
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
      this.#executables.delete(key);
      this.#executables.set(key, cached);
      return cached;
    }
    const executable = this.compile(emit());
    this.#keep(key, executable);
    return executable;
  }

  /** Compiles the program of a key, if need be, without blocking the event loop. */
  async prepare(key: string, emit: () => string): Promise<void> {
    if (this.#executables.has(key)) return;
    let running = this.#compiling.get(key);
    if (running === undefined) {
      running = this.#compileAsync(key, emit()).finally(() => this.#compiling.delete(key));
      this.#compiling.set(key, running);
    }
    await running;
  }

  async #compileAsync(key: string, module: string): Promise<void> {
    const executable = await this.compileAsync(module);
    if (this.#executables.has(key)) executable.dispose();
    else this.#keep(key, executable);
  }

  /** Compiles a program that its caller owns. */
  compile(module: string): Executable {
    const start = performance.now();
    const executable = this.#client.compile(module);
    this.#count(start);
    return executable;
  }

  /** Like {@link compile}, without blocking the event loop. */
  async compileAsync(module: string): Promise<Executable> {
    const start = performance.now();
    const executable = await this.#client.compileAsync(module);
    this.#count(start);
    return executable;
  }

  #count(start: number): void {
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
