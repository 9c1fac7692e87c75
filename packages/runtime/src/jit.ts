import * as tf from '@tensorflow/tfjs';
import { isRecording } from './autodiff/captured.js';

/** What a backend offers when it can compile a whole function. */
interface CompilingBackend {
  jit<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R;
  /** True while a function is being traced. */
  readonly tracing: boolean;
}

function compilingBackend(): CompilingBackend | undefined {
  const backend = tf.backend() as Partial<CompilingBackend>;
  return typeof backend.jit === 'function' ? (backend as CompilingBackend) : undefined;
}

/**
 * Compiles `fn` into one program per input signature, on a backend that can (`xla`); elsewhere it calls `fn`.
 *
 * - Arguments and result are tensors, numbers, booleans, strings, or arrays and plain objects of these, nested. Tensors
 *   are inputs of the program; everything else is static: another value is another program.
 * - `tf.Variable`s that `fn` reads are read anew at each call, those that it assigns are updated (in place, where nothing
 *   else holds their memory). Other tensors that `fn` captures are inputs too and must stay alive.
 * - `fn` runs only when a signature is new (twice when it creates variables). Its other side effects happen only then.
 * - Inside `fn` no tensor can be read, and host-side random numbers (`tf.randomUniform`, `tf.dropout`, …) are refused,
 *   since they would be frozen into the program: use this package's stateless ones.
 *
 * @throws Error at the call that traces, naming the operation that cannot be compiled
 */
export function jit<A extends unknown[], R>(fn: (...args: A) => R): (...args: A) => R {
  // The backend is looked up at each call: one function may be used before and after a change of backend.
  const compiled = new WeakMap<CompilingBackend, (...args: A) => R>();
  const compiledFor = (backend: CompilingBackend): ((...args: A) => R) => {
    let program = compiled.get(backend);
    if (program === undefined) {
      program = backend.jit(fn);
      compiled.set(backend, program);
    }
    return program;
  };
  const jitted = (...args: A): R => {
    const backend = compilingBackend();
    // While the tensors that a function captures are looked for, none may hide in a program.
    return backend === undefined || isRecording() ? fn(...args) : compiledFor(backend)(...args);
  };
  compiledFunctions.set(jitted, () => {
    const backend = compilingBackend();
    return backend && compiledFor(backend);
  });
  return jitted;
}

/** How to get at what the current backend made of a function that {@link jit} returned. */
const compiledFunctions = new WeakMap<object, () => object | undefined>();

/**
 * What the current backend's `jit` made of a function, for analysis; undefined where the backend does not compile.
 *
 * @throws Error for a function that {@link jit} did not return
 */
export function compiledFunction(jitted: object, caller: string): object | undefined {
  const find = compiledFunctions.get(jitted);
  if (find === undefined) throw new Error(`${caller}: the function must be one that jit returned`);
  return find();
}

/** True while a `jit`ted function is being traced, when tensors have no values. */
export function isTracing(): boolean {
  return compilingBackend()?.tracing ?? false;
}
