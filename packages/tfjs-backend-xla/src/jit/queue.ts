import { engine, type Variable } from '@tensorflow/tfjs-core';
import type { CompiledFunction } from './compile.js';
import type { Task } from './task.js';

interface QueuedCall {
  readonly task: Task<unknown>;
  /** What will be run; undefined while that is not known. */
  readonly program: () => CompiledFunction | undefined;
}

/**
 * The asynchronous calls of a backend's compiled functions that are not over. They take place one after the other, in the
 * order in which they were made, and before plain calls that were made after them.
 */
export class CallQueue {
  readonly #calls: QueuedCall[] = [];
  #last: Promise<void> = Promise.resolve();

  get empty(): boolean {
    return this.#calls.length === 0;
  }

  /** Adds a call, which takes place after those before it. @returns its result; a call that fails stops no other */
  async add<T>(task: Task<T>, program: QueuedCall['program']): Promise<T> {
    this.#calls.push({ task, program });
    this.#last = this.#last.then(async () => {
      await task.finishLater();
      this.#calls.shift();
    });
    await this.#last;
    return task.result;
  }

  /**
   * Brings all calls to their end, blocking, that a plain call could tell from calls made after it: those up to the last that
   * shares a variable with it which either of them assigns.
   *
   * @param program what the plain call will run; undefined when that is not known
   */
  catchUp(program: CompiledFunction | undefined): void {
    let count = this.#calls.length;
    while (count > 0 && !isNeeded(this.#calls[count - 1], program)) count--;
    if (count === 0) return;
    withoutTape(() => {
      for (const { task } of this.#calls.slice(0, count)) task.finish();
    });
  }
}

function isNeeded({ task, program }: QueuedCall, later: CompiledFunction | undefined): boolean {
  if (task.over) return false;
  const earlier = program();
  if (earlier === undefined || later === undefined) return true;
  return disturbs(earlier, later) || disturbs(later, earlier);
}

/** Whether a program assigns a variable that the other one reads or assigns. */
function disturbs({ assigned }: CompiledFunction, other: CompiledFunction): boolean {
  const used = new Set<Variable>(other.assigned);
  for (const source of other.sources) if (source.kind === 'variable') used.add(source.variable);
  return assigned.some((variable) => used.has(variable));
}

/** Runs `fn` outside a gradient's tape, where the plain call that cannot wait may have been made. */
function withoutTape(fn: () => void): void {
  const { state } = engine();
  const { gradientDepth, kernelDepth, activeTape } = state;
  Object.assign(state, { gradientDepth: 0, kernelDepth: 0, activeTape: undefined });
  try {
    fn();
  } finally {
    Object.assign(state, { gradientDepth, kernelDepth, activeTape });
  }
}
