import { engine, keep, type Tensor, Variable } from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';
import type { Precision } from '../precision/precision.js';
import { type CompiledFunction, compileFor } from './compile.js';
import { type Arguments, Run, run } from './run.js';
import { freeRetired, Signatures } from './signatures.js';
import { complete, Task, type Work } from './task.js';
import { flatten, leavesOf, treeKey } from './tree.js';

/** What {@link compileFunction} returns; its contract is that of `jit` in @primal-attention/runtime. */
export interface Compiled<A extends unknown[], R> {
  (...args: A): R;
  /** The same without blocking the event loop, but for tracing. */
  async(...args: A): Promise<R>;
  /** The program for arguments like these, compiled if need be but not run: for analysis. */
  programFor(...args: A): Pick<CompiledFunction, 'cost' | 'executable'>;
  /** Frees what was compiled. The function may be called again, and is compiled anew then. */
  dispose(): void;
}

/** The backend's `jit`. */
export function compileFunction<A extends unknown[], R>(
  backend: XlaBackend,
  fn: (...args: A) => R,
): Compiled<A, R> {
  const signatures = new Signatures(fn.name === '' ? 'a function' : `'${fn.name}'`);
  const body = fn as (...args: never[]) => unknown;
  let traced = false;
  const { precision } = backend;
  const compile = (args: Arguments, settings = precision.settings) => {
    // An asynchronous call is traced later, maybe outside the scope that it was made in.
    const scoped = (...list: never[]) => precision.within(settings, 'jit', () => body(...list));
    return compileFor(backend, scoped, args, !traced);
  };
  /** Makes the program for a signature that has none. */
  function* prepare(args: Arguments, key: string, settings = precision.settings): Work<CompiledFunction> {
    yield { now: () => backend.flush(), later: () => backend.flushAsync() };
    const program = yield* compile(args, settings);
    traced = true;
    signatures.add(key, program, args);
    return program;
  }
  const programFor = (args: Arguments, key: string): CompiledFunction =>
    signatures.find(key) ?? complete(prepare(args, key));
  const call = (...list: A): R => {
    if (backend.tracing) return fn(...list); // The function is part of that trace.
    if (tapeIsOn()) {
      // Its kernels must reach the tape.
      if (!backend.calls.empty) backend.calls.catchUp(undefined);
      return fn(...list);
    }
    const { args, key } = takeApart(backend, list);
    if (!backend.calls.empty) backend.calls.catchUp(signatures.peek(key));
    return run(backend, programFor(args, key), args) as R;
  };
  function* callInSteps(args: Arguments, key: string, settings: Precision['settings']): Work<unknown> {
    const program = signatures.find(key) ?? (yield* prepare(args, key, settings));
    // A later call may evict the program, or dispose the function, before this one is over.
    program.running++;
    try {
      const run = new Run(backend, program, args);
      yield run;
      return run.result;
    } finally {
      program.running--;
      freeRetired(program);
    }
  }
  const callAsync = async (...list: A): Promise<R> => {
    if (backend.tracing || tapeIsOn()) {
      throw new Error(
        'jit: the asynchronous form cannot be called inside a compiled function or a gradient; call the function itself',
      );
    }
    const { args, key } = takeApart(backend, list);
    const held = { spec: args.spec, tensors: args.tensors.map((tensor) => keep(tensor.clone())) };
    try {
      const task = new Task(callInSteps(held, key, precision.settings));
      return (await backend.calls.add(task, () => signatures.peek(key))) as R;
    } finally {
      for (const tensor of held.tensors) tensor.dispose();
    }
  };
  return Object.assign(call, {
    async: callAsync,
    programFor: (...list: A) => {
      const { args, key } = takeApart(backend, list);
      // The compilation of a call that is under way may be at making variables which this one reads.
      if (!backend.tracing && !backend.calls.empty && signatures.peek(key) === undefined)
        backend.calls.catchUp(undefined);
      return programFor(args, key);
    },
    dispose: () => signatures.dispose(),
  });
}

/** @throws Error for arguments that cannot be part of a signature, or are disposed, naming them */
function takeApart(backend: XlaBackend, list: unknown[]): { args: Arguments; key: string } {
  const tensors: Tensor[] = [];
  const spec = flatten(list, tensors);
  const key = treeKey(spec, tensors);
  if (tensors.some((tensor) => tensor.isDisposed)) {
    for (const [path, leaf] of leavesOf(spec)) {
      if (leaf.kind !== 'tensor' || !tensors[leaf.index].isDisposed) continue;
      const { dtype, shape } = tensors[leaf.index];
      throw new Error(`jit: ${path} (${dtype} [${shape}]) is disposed`);
    }
  }
  if (key.includes('variable ')) {
    for (const [path, leaf] of leavesOf(spec)) {
      if (leaf.kind === 'static' && leaf.value instanceof Variable && leaf.value.isDisposed) {
        throw new Error(`jit: ${path} (variable '${leaf.value.name}') is disposed`);
      }
    }
  }
  return { args: { spec, tensors }, key: `${key}|${backend.precision.key}` };
}

function tapeIsOn(): boolean {
  return (engine() as unknown as { isTapeOn(): boolean }).isTapeOn();
}
