import type { ElementType } from '@primal-attention/pjrt';
import { sameShape, type TensorType, tensorType } from '../hlo/types.js';

/** How the elements of an array lie in memory. */
export type TileDtype = 'float32' | 'bfloat16' | 'float16' | 'int32' | 'uint32';

/** An array that a kernel reads or writes: row-major, without gaps. */
export interface TileArray {
  readonly shape: readonly number[];
  readonly dtype: TileDtype;
}

/** A kernel in Triton IR and its launch; its contract is that of `TileProgram` in @primal-attention/runtime. */
export interface TileProgram {
  readonly name: string;
  readonly ir: string;
  readonly grid: readonly [number, number, number];
  readonly numWarps: number;
  readonly numStages: number;
  readonly operands: readonly TileArray[];
  readonly results: readonly TileArray[];
  readonly aliases?: readonly { readonly result: number; readonly operand: number }[];
  readonly flops: number;
  readonly bytes: number;
}

/** Triton has no unsigned types: what an operation does with an integer is the operation's. */
const elements: Readonly<Record<TileDtype, ElementType>> = {
  float32: 'f32',
  bfloat16: 'bf16',
  float16: 'f16',
  int32: 'i32',
  uint32: 'i32',
};

/** The array's type in a program. @throws Error for a type of elements that no kernel can have */
export function typeOfArray({ shape, dtype }: TileArray): TensorType {
  const element = elements[dtype];
  if (element === undefined) {
    throw new Error(`tile kernel: dtype must be one of ${Object.keys(elements).join(', ')}, got '${dtype}'`);
  }
  return tensorType(element, shape);
}

/** @throws Error that says what of the program cannot be launched */
export function checkProgram({
  name,
  grid,
  numWarps,
  numStages,
  operands,
  results,
  aliases,
}: TileProgram): void {
  const wrong = (what: string): Error => new Error(`tile kernel '${name}': ${what}`);
  const isCount = (n: number, most: number): boolean => Number.isInteger(n) && n >= 1 && n <= most;
  // What CUDA launches at most.
  if (grid.length !== 3 || !isCount(grid[0], 2 ** 31 - 1) || !grid.slice(1).every((n) => isCount(n, 65535))) {
    throw wrong(`the grid must be three counts of at least 1 (y and z at most 65535), got [${grid}]`);
  }
  if (!isCount(numWarps, 32) || (numWarps & (numWarps - 1)) !== 0) {
    throw wrong(`numWarps must be a power of two from 1 to 32, got ${numWarps}`);
  }
  if (!isCount(numStages, 100)) throw wrong(`numStages must be a count of at least 1, got ${numStages}`);
  if (results.length === 0) throw wrong('a kernel needs at least one result');
  for (const { result, operand } of aliases ?? []) {
    const [to, from] = [results[result], operands[operand]];
    if (to === undefined || from === undefined) {
      throw wrong(
        `alias of result ${result} and operand ${operand}, of ${results.length} and ${operands.length}`,
      );
    }
    if (to.dtype !== from.dtype || !sameShape(to.shape, from.shape)) {
      throw wrong(
        `result ${result} (${to.dtype} [${to.shape}]) cannot take the memory of operand ${operand} (${from.dtype} [${from.shape}])`,
      );
    }
  }
}
