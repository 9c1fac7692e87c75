import type { Tensor } from '@tensorflow/tfjs-core';
import type { CompiledFunction } from './compile.js';
import type { Arguments } from './run.js';
import { releaseLiterals } from './trace.js';
import { leavesOf, treeKey } from './tree.js';

/** How many programs a compiled function keeps, one per signature. */
const capacity = 64;

/** A function that was traced this often within that many calls gains nothing from being compiled. */
const frequent = { traces: 8, calls: 12 };

/** The programs of one compiled function by signature; the least recently used one goes first. */
export class Signatures {
  readonly #name: string;
  readonly #programs = new Map<string, CompiledFunction>();
  #calls = 0;
  /** At which call each of the last traces was. */
  readonly #traces: number[] = [];
  #warned = false;
  #leaves: Map<string, string> | undefined;

  constructor(name: string) {
    this.#name = name;
  }

  find(key: string): CompiledFunction | undefined {
    this.#calls++;
    const program = this.#programs.get(key);
    if (program !== undefined && this.#programs.size > 1) {
      this.#programs.delete(key);
      this.#programs.set(key, program);
    }
    return program;
  }

  /** Like {@link find}, not counted as a call. */
  peek(key: string): CompiledFunction | undefined {
    return this.#programs.get(key);
  }

  add(key: string, program: CompiledFunction, args: Arguments): void {
    this.#programs.set(key, program);
    if (this.#programs.size > capacity) {
      const [oldest, evicted] = this.#programs.entries().next().value!;
      this.#programs.delete(oldest);
      retire(evicted);
    }
    if (!this.#warned) this.#watch(args);
  }

  #watch({ spec, tensors }: Arguments): void {
    const leaves = new Map<string, string>();
    for (const [path, leaf] of leavesOf(spec)) leaves.set(path, treeKey(leaf, tensors as Tensor[]));
    const before = this.#leaves;
    this.#leaves = leaves;
    this.#traces.push(this.#calls);
    if (this.#traces.length < frequent.traces) return;
    const calls = this.#calls - this.#traces.shift()! + 1;
    if (before === undefined || calls > frequent.calls) return;
    this.#warned = true;
    console.warn(
      `jit: ${this.#name} was traced and compiled ${frequent.traces} times in ${calls} calls: ${difference(before, leaves)}. ` +
        'Each value of a number, string or boolean and each shape of a tensor is a program of its own: pass a changing ' +
        'number as a tensor (tf.scalar), and pad to a few shapes.',
    );
  }

  dispose(): void {
    for (const program of this.#programs.values()) retire(program);
    this.#programs.clear();
  }
}

function difference(before: ReadonlyMap<string, string>, after: ReadonlyMap<string, string>): string {
  for (const [path, key] of after) {
    if (before.get(path) !== key)
      return `${path} was ${before.get(path) ?? 'not given'} before and is ${key} now`;
  }
  for (const [path, key] of before)
    if (!after.has(path)) return `${path} was ${key} before and is not given now`;
  return 'something else than the arguments changes, such as the probes with subscribers';
}

/** Frees a program that nobody will call any more, as soon as no call of it is under way. */
export function retire(program: CompiledFunction): void {
  program.retired = true;
  freeRetired(program);
}

export function freeRetired(program: CompiledFunction): void {
  if (!program.retired || program.running > 0) return;
  program.retired = false;
  program.executable.dispose();
  for (const slot of program.slots) slot?.dispose();
  releaseLiterals(program.sources);
}
