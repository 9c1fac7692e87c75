import type * as tf from '@tensorflow/tfjs';

/** How the elements of an array of a {@link TileProgram} lie in memory. */
export type TileDtype = 'float32' | 'bfloat16' | 'float16' | 'int32' | 'uint32';

/** An array that a {@link TileProgram} reads or writes: row-major, without gaps. */
export interface TileArray {
  /** Its size along each axis; none for a scalar. */
  readonly shape: readonly number[];
  /** The type of its elements in memory. */
  readonly dtype: TileDtype;
}

/**
 * A GPU kernel as Triton IR, with everything that a program needs to call it: arrays, launch, cost.
 *
 * Tensors of tfjs stand for arrays: float32 for the three float types, which is how the numbers lie in memory; int32 for
 * int32 and uint32, whose bits are the same.
 */
export interface TileProgram {
  /** The kernel's name, that of the function in `ir`. */
  readonly name: string;
  /** Triton IR, one module as text. The kernel's pointers are the operands in their order, then the results. */
  readonly ir: string;
  /** How many programs run, along x, y and z. */
  readonly grid: readonly [number, number, number];
  /** Warps of 32 threads that work on one program. */
  readonly numWarps: number;
  /** Stages of software pipelining. */
  readonly numStages: number;
  /** What the kernel reads. */
  readonly operands: readonly TileArray[];
  /** What it writes, at least one. */
  readonly results: readonly TileArray[];
  /** Results that take the memory, and begin with the contents, of operands. The others begin as anything. */
  readonly aliases?: readonly { readonly result: number; readonly operand: number }[];
  /** Floating-point operations of the whole grid, by the rules of {@link ComputationCost}. */
  readonly flops: number;
  /** Bytes that the whole grid reads and writes. */
  readonly bytes: number;
}

const tfjsDtypes: Readonly<Record<TileDtype, tf.DataType>> = {
  float32: 'float32',
  bfloat16: 'float32',
  float16: 'float32',
  int32: 'int32',
  uint32: 'int32',
};

/**
 * @param role what the tensors are, for messages: operand, result
 * @throws Error that names the first tensor that is not the array that the program says
 */
export function checkArrays(
  program: TileProgram,
  role: 'operand' | 'result',
  tensors: readonly tf.Tensor[],
): void {
  const arrays = program[`${role}s`];
  if (tensors.length !== arrays.length) {
    throw new Error(
      `tileCall: kernel '${program.name}' has ${arrays.length} ${role}s, got ${tensors.length} tensors`,
    );
  }
  for (const [i, { shape, dtype }] of arrays.entries()) {
    const tensor = tensors[i];
    const wanted = tfjsDtypes[dtype];
    if (
      tensor.dtype === wanted &&
      tensor.shape.length === shape.length &&
      shape.every((n, k) => n === tensor.shape[k])
    )
      continue;
    throw new Error(
      `tileCall: ${role} ${i} of kernel '${program.name}' is ${dtype} [${shape}], a ${wanted} tensor; got ${tensor.dtype} [${tensor.shape}]`,
    );
  }
}
