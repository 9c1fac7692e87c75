import type { StoredDtype } from './language/dtype.js';

/** An array that a program takes or makes: row-major, without gaps. */
export interface ArrayType {
  readonly shape: readonly number[];
  readonly dtype: StoredDtype;
}

/**
 * A kernel with everything that a compiled program needs to call it: the text, the arrays, the launch.
 *
 * The kernel's pointers are the operands in their order, then the results in theirs.
 */
export interface TileProgram {
  /** The kernel's name, that of the function in `ir`. */
  readonly name: string;
  /** Triton IR, one module as text. */
  readonly ir: string;
  /** How many programs run, along x, y and z. */
  readonly grid: readonly [number, number, number];
  /** Warps of 32 threads that work on one program. */
  readonly numWarps: number;
  /** Stages of software pipelining in loops that load and multiply. */
  readonly numStages: number;
  readonly operands: readonly ArrayType[];
  readonly results: readonly ArrayType[];
  /** Results that take the memory of operands; all others begin as memory with anything in it. */
  readonly aliases?: readonly { readonly result: number; readonly operand: number }[];
  /**
   * Floating-point operations of the whole grid: 2 m n k for a product, one for each addition, multiplication, division,
   * maximum and comparison, n - 1 for a sum of n; values of exp, log, erf, sqrt and rsqrt are not among them.
   */
  readonly flops: number;
  /** Bytes read and written if each operand is read once and each result written once. */
  readonly bytes: number;
}
