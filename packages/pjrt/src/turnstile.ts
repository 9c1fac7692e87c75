/** Lets a limited number of asynchronous tasks be under way at a time; the others start in their order as these end. */
export class Turnstile {
  #free: number;
  /** Who came first is last in `#next`; who came after those is in `#arrivals`, in order: taking one from a long queue costs nothing. */
  #next: (() => void)[] = [];
  #arrivals: (() => void)[] = [];

  constructor(limit: number) {
    this.#free = limit;
  }

  /** Starts a task at once where there is room. */
  async pass<T>(task: () => Promise<T>): Promise<T> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#arrivals.push(resolve));
    try {
      return await task();
    } finally {
      this.#leave();
    }
  }

  /** Gives the place to who is next, or keeps it free. */
  #leave(): void {
    if (this.#next.length === 0) {
      this.#next = this.#arrivals.reverse();
      this.#arrivals = [];
    }
    const next = this.#next.pop();
    if (next === undefined) this.#free++;
    else next();
  }
}
