import * as tf from '@tensorflow/tfjs';
import type { JitFunction } from './jit.js';

/** What one call of a compiled function takes. */
export interface ComputationCost {
  /**
   * Floating-point operations: 2 m n k for a matrix product [m, k] [k, n], one for each addition, multiplication, division,
   * maximum and comparison, n - 1 for a sum of n. Integer and logical operations, choices and conversions count nothing.
   */
  flops: number;
  /** Values of exp, log, erf, sqrt and the like, one each; not among `flops`, since devices differ in what they take. */
  transcendentals: number;
  /** Bytes that are read and written if each kernel reads its operands and writes its results: an upper bound. */
  bytes: number;
  /** Bytes of arguments and results alone, as if everything between were one kernel: a lower bound. */
  minimumBytes: number;
  /** tfjs kernels that were recorded. */
  kernels: number;
  /** Device memory in bytes, by the compiler. */
  memory: {
    argument: number;
    output: number;
    /** Outputs that take the memory of arguments: variables that are updated in place. */
    alias: number;
    temporary: number;
    /** argument + output - alias + temporary. */
    total: number;
  };
}

/** What a backend compiled, open to analysis. */
interface AnalysableProgram {
  readonly cost: Omit<ComputationCost, 'memory'>;
  readonly executable: {
    memoryStats(): {
      argumentBytes: number;
      outputBytes: number;
      aliasBytes: number;
      temporaryBytes: number;
      totalBytes: number;
    };
  };
}

/**
 * What one call `jitted(...args)` takes: operations, bytes, memory.
 *
 * ```ts
 * const attention = jit((q: tf.Tensor, k: tf.Tensor) => tf.matMul(q, k, false, true));
 * const { flops, memory } = costOf(attention, q, k);
 * ```
 *
 * Operations and bytes are counted in the graph that was recorded, before the compiler merges or drops anything, so that
 * they are properties of the formulation and equal on every device; the body of a loop counts as often as it runs. Memory
 * is what the compiler planned for the current device.
 *
 * The function is compiled for these arguments if it was not yet, but it does not run. Call it where the function would be
 * called: inside `withMatmulPrecision` or `autocast`, it is the program of that precision.
 *
 * @throws Error when the function was not made by `jit`, or the backend does not compile functions
 */
export function costOf<A extends unknown[], R>(jitted: JitFunction<A, R>, ...args: A): ComputationCost {
  if (typeof jitted.programFor !== 'function') {
    throw new Error('costOf: the function must be one that jit returned');
  }
  const program = jitted.programFor(...args) as AnalysableProgram | undefined;
  if (program === undefined) {
    throw new Error(
      `costOf: backend '${tf.getBackend()}' runs kernel by kernel and has no program to analyse; use backend xla`,
    );
  }
  const { cost, executable } = program;
  const { argumentBytes, outputBytes, aliasBytes, temporaryBytes, totalBytes } = executable.memoryStats();
  return {
    ...cost,
    memory: {
      argument: argumentBytes,
      output: outputBytes,
      alias: aliasBytes,
      temporary: temporaryBytes,
      total: totalBytes,
    },
  };
}

/**
 * The most device memory in bytes that this process has had in use so far.
 *
 * On a GPU that includes what the compiler took to try kernels out: for a model's own peak, ask in a fresh process whose
 * programs came from the disk cache.
 *
 * @returns undefined where the device does not count (CPUs, and backends other than `xla`)
 */
export function devicePeakBytes(): number | undefined {
  const backend = tf.backend() as { devicePeakBytes?(): number | undefined };
  return backend.devicePeakBytes?.();
}
