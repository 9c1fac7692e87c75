/**
 * Something that takes its time: it can be done at once, blocking, or beside the event loop. While it is done beside the
 * event loop it may still be done at once; that counts then, and `later` lets go of what it made.
 */
export interface Step {
  now(): void;
  later(): Promise<void>;
}

/** Work that yields its steps. A step that fails throws where it was yielded. */
export type Work<T> = Generator<Step, T, void>;

/** Work that is under way, and can be brought to its end in either way at any time. */
export class Task<T> {
  readonly #work: Work<T>;
  #step: Step | undefined;
  #outcome: { readonly value: T } | { readonly error: unknown } | undefined;

  constructor(work: Work<T>) {
    this.#work = work;
  }

  get over(): boolean {
    return this.#outcome !== undefined;
  }

  /** What the work returned. @throws what it threw */
  get result(): T {
    if (this.#outcome === undefined) throw new Error('Task: the work is not over');
    if ('error' in this.#outcome) throw this.#outcome.error;
    return this.#outcome.value;
  }

  /** Does what is left, blocking. A failure is the result's. */
  finish(): void {
    while (!this.over) {
      let failure: { error: unknown } | undefined;
      try {
        this.#step?.now();
      } catch (error) {
        failure = { error };
      }
      this.#advance(failure);
    }
  }

  /** Does what is left beside the event loop; {@link finish} may overtake it. A failure is the result's. */
  async finishLater(): Promise<void> {
    while (!this.over) {
      let failure: { error: unknown } | undefined;
      try {
        await this.#step?.later();
      } catch (error) {
        failure = { error };
      }
      if (!this.over) this.#advance(failure);
    }
  }

  #advance(failure: { readonly error: unknown } | undefined): void {
    try {
      const next = failure === undefined ? this.#work.next() : this.#work.throw(failure.error);
      if (next.done) this.#outcome = { value: next.value };
      else this.#step = next.value;
    } catch (error) {
      this.#outcome = { error };
    }
  }
}

/** Does work from beginning to end, blocking. */
export function complete<T>(work: Work<T>): T {
  const task = new Task(work);
  task.finish();
  return task.result;
}
