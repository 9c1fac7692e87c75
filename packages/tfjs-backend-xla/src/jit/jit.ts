import { engine, keep, type Tensor, Variable } from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';
import { type CompiledFunction, compileFor, complete, completeAsync } from './compile.js';
import { inOrder } from './queue.js';
import { type Arguments, run, runAsync } from './run.js';
import { freeRetired, Signatures } from './signatures.js';
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
  const programFor = (args: Arguments, key: string): CompiledFunction => {
    let program = signatures.find(key);
    if (program === undefined) {
      backend.flush();
      program = complete(backend, compile(args));
      traced = true;
      signatures.add(key, program, args);
    }
    return program;
  };
  const call = (...list: A): R => {
    // Inside another trace the function is part of that one; under a gradient tape its kernels must reach the tape.
    if (backend.tracing || tapeIsOn()) return fn(...list);
    const { args, key } = takeApart(backend, list);
    return run(backend, programFor(args, key), args) as R;
  };
  const callAsync = async (...list: A): Promise<R> => {
    if (backend.tracing || tapeIsOn()) {
      throw new Error(
        'jit: the asynchronous form cannot be called inside a compiled function or a gradient; call the function itself',
      );
    }
    const { args, key } = takeApart(backend, list);
    const { settings } = precision;
    const held = { spec: args.spec, tensors: args.tensors.map((tensor) => keep(tensor.clone())) };
    try {
      return await inOrder(backend, async () => {
        let program = signatures.find(key);
        if (program === undefined) {
          await backend.flushAsync();
          program = await completeAsync(backend, compile(held, settings));
          traced = true;
          signatures.add(key, program, held);
        }
        // A later call may evict the program, or dispose the function, before this one is over.
        program.running++;
        try {
          return (await runAsync(backend, program, held)) as R;
        } finally {
          program.running--;
          freeRetired(program);
        }
      });
    } finally {
      for (const tensor of held.tensors) tensor.dispose();
    }
  };
  return Object.assign(call, {
    async: callAsync,
    programFor: (...list: A) => {
      const { args, key } = takeApart(backend, list);
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
