import * as tf from '@tensorflow/tfjs';
import { isRecording } from './autodiff/captured.js';
import { collectEmissions, deliverEmissions, type Emission, subscribedProbes } from './probe.js';
import { type TileKernels, tileKernels, withTileKernels } from './tile/switch.js';
import { eachTensor } from './tree.js';

/** A function that {@link jit} compiled. */
export interface JitFunction<A extends unknown[], R> {
  (...args: A): R;
  /**
   * The same, without blocking the event loop while it compiles or runs (tracing still does). Calls take place in their
   * order, each with the variables as the ones before left them. A plain call made meanwhile comes after them, too: where it
   * could tell, since one assigns a variable that the other uses, it brings them to their end first, blocking. Operations
   * outside of compiled functions see variables as they were until the promise resolves; one that assigns a variable
   * meanwhile comes before the call. Arguments may be disposed at once; the results are the caller's, outside of any
   * `tf.tidy`.
   */
  async(...args: A): Promise<R>;
  /** Frees the compiled programs. The function may be called again, and is compiled anew then. */
  dispose(): void;
  /**
   * What the backend compiled for arguments like these, compiling it if need be but not running it; undefined on a
   * backend that compiles nothing. For analysis: its content is the backend's own.
   */
  programFor(...args: A): object | undefined;
}

/** A function as a backend compiles it. */
interface BackendFunction<A extends unknown[], R> {
  (...args: A): R;
  async(...args: A): Promise<R>;
  programFor(...args: A): object;
  dispose(): void;
}

/** What a backend offers when it can compile a whole function. */
interface CompilingBackend {
  jit<A extends unknown[], R>(fn: (...args: A) => R): BackendFunction<A, R>;
  /** True while a function is being traced. */
  readonly tracing: boolean;
}

function compilingBackend(): CompilingBackend | undefined {
  const backend = tf.backend() as Partial<CompilingBackend>;
  return typeof backend.jit === 'function' ? (backend as CompilingBackend) : undefined;
}

/** What is part of a signature besides the arguments: a last argument that only the compiled form has. */
interface Surroundings {
  /** The probes with subscribers. */
  readonly probes: readonly number[];
  readonly kernels: TileKernels;
}

function surroundings(): Surroundings {
  return { probes: subscribedProbes(), kernels: tileKernels() };
}

/** What a compiled function gives back: its result, and what probes emitted on the way. */
interface Traced<R> {
  readonly result: R;
  readonly emissions: readonly Emission[];
}

/**
 * Compiles `fn` into one program per input signature, on a backend that can (`xla`); elsewhere it calls `fn`.
 *
 * - Arguments and result are tensors, numbers, booleans, strings, null, undefined, or arrays and plain objects of these,
 *   nested. Tensors are inputs of the program; everything else is static: another value is another program, and what
 *   of a result is no tensor is as the trace left it. Result tensors are tensors of their own, also where `fn` returns
 *   an argument, a variable (whose value at the end it is) or one tensor twice.
 * - `tf.Variable`s that `fn` reads, captured or among the arguments, are read anew at each call, those that it assigns
 *   are updated (in place, where nothing else holds their memory). Other tensors that `fn` captures are inputs too and
 *   must stay alive.
 * - `fn` runs only when a signature is new (twice when it creates variables). Its other side effects happen only then.
 *   The 64 signatures used last are kept; a function that is traced again and again warns and names the cause.
 * - Variables that `fn` makes at its first trace (an optimizer's slots, the weights of a layer) are state from then on;
 *   making more at a later trace is an error. They exist also when `fn` throws after that, as in a plain call; nothing
 *   else of a trace that threw remains.
 * - Inside `fn` no tensor can be read, and host-side random numbers (`tf.randomUniform`, `tf.dropout`, …) are refused,
 *   since they would be frozen into the program: use this package's stateless ones. The initial values of variables may
 *   be drawn so.
 * - Inside another compiled function, and under a gradient, `fn` is simply called.
 * - What layers emit to a {@link Probe} with subscribers is an output of the program and delivered after each call.
 *
 * @throws Error at the call that traces, naming the operation that cannot be compiled; at any call, naming an input that
 *   is disposed by its place, such as `args[0].x[2]`
 */
export function jit<A extends unknown[], R>(fn: (...args: A) => R): JitFunction<A, R> {
  const traced = (...args: [...A, Surroundings]): Traced<R> => {
    const { probes, kernels } = args.pop() as Surroundings;
    return withTileKernels(kernels, () => collectEmissions(probes, () => fn(...(args as unknown as A))));
  };
  Object.defineProperty(traced, 'name', { value: fn.name });
  // The backend is looked up at each call: one function may be used before and after a change of backend.
  const compiled = new Map<CompilingBackend, BackendFunction<[...A, Surroundings], Traced<R>>>();
  const compiledFor = (backend: CompilingBackend): BackendFunction<[...A, Surroundings], Traced<R>> => {
    let program = compiled.get(backend);
    if (program === undefined) {
      program = backend.jit(traced);
      compiled.set(backend, program);
    }
    return program;
  };
  const call = (...args: A): R => {
    const backend = compilingBackend();
    // While the tensors that a function captures are looked for, none may hide in a program.
    if (backend === undefined || backend.tracing || isRecording()) return fn(...args);
    return delivered(compiledFor(backend)(...args, surroundings()), args);
  };
  return Object.assign(call, {
    async: async (...args: A): Promise<R> => {
      const backend = compilingBackend();
      if (backend === undefined) return fn(...args);
      return delivered(await compiledFor(backend).async(...args, surroundings()), args);
    },
    dispose: (): void => {
      for (const program of compiled.values()) program.dispose();
      compiled.clear();
    },
    programFor: (...args: A): object | undefined => {
      const backend = compilingBackend();
      return backend === undefined ? undefined : compiledFor(backend).programFor(...args, surroundings());
    },
  });
}

/** Delivers what probes emitted. @returns the result; when a subscriber throws, its tensors are disposed */
function delivered<R>({ result, emissions }: Traced<R>, args: unknown): R {
  if (emissions.length === 0) return result;
  try {
    deliverEmissions(emissions);
  } catch (error) {
    // Under a gradient the function was called as it is, and may have returned what belongs to its caller.
    const given = new Set<tf.Tensor>();
    eachTensor(args, (tensor) => given.add(tensor));
    eachTensor(result, (tensor) => {
      if (!given.has(tensor) && !(tensor instanceof tf.Variable)) tensor.dispose();
    });
    throw error;
  }
  return result;
}

/** True while a `jit`ted function is being traced, when tensors have no values. */
export function isTracing(): boolean {
  return compilingBackend()?.tracing ?? false;
}
