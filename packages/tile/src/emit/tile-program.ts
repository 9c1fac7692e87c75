import { bytesOf } from '../language/dtype.js';
import type { Kernel, Signature } from '../language/kernel.js';
import { isPowerOfTwo, sizeOf } from '../language/shape.js';
import type { ArrayType, TileProgram } from '../program.js';
import { flopsOf } from './flops.js';
import { tritonIr } from './triton.js';

/** How many programs run, along one to three axes; a number for one axis. */
export type Grid = number | readonly number[];

/** How a kernel is launched. */
export interface Launch<S extends Signature = Signature> {
  readonly grid: Grid;
  /** The shape of each array of the kernel's signature. */
  readonly shapes: { readonly [K in keyof S]: readonly number[] };
  /** Warps of 32 threads for one program: 1, 2, 4, 8, 16 or 32. Default 4. */
  readonly numWarps?: number;
  /** Stages of software pipelining. Default 1: loads are not begun ahead. */
  readonly numStages?: number;
  /** Outputs that are written over inputs: `{ output: 'input' }`. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** Needed where a loop's trip count is known only on the device; else counted. */
  readonly flops?: number;
}

/** The axes of a grid, all three. @throws Error when the device has no such grid */
export function gridOf(caller: string, grid: Grid): [number, number, number] {
  const axes = typeof grid === 'number' ? [grid] : grid;
  const [x = 1, y = 1, z = 1] = axes;
  // CUDA's limits.
  const fits = (n: number, most: number): boolean => Number.isInteger(n) && n >= 1 && n <= most;
  if (axes.length < 1 || axes.length > 3 || !fits(x, 2 ** 31 - 1) || !fits(y, 65535) || !fits(z, 65535)) {
    throw new Error(
      `${caller}: a grid has one to three axes of 1 or more programs, at most 2147483647, 65535 and 65535, got [${axes.join(', ')}]`,
    );
  }
  return [x, y, z];
}

/**
 * A kernel with its launch, as a compiled program needs it.
 *
 * @throws Error when a shape is missing or too large for 32-bit offsets, or the launch is one that no device takes
 */
export function tileProgram<S extends Signature>(kernel: Kernel<S>, launch: Launch<S>): TileProgram {
  const caller = `tileProgram: ${kernel.name}`;
  const grid = gridOf(caller, launch.grid);
  const { numWarps = 4, numStages = 1, aliases = {} } = launch;
  if (!isPowerOfTwo(numWarps) || numWarps > 32) {
    throw new Error(`${caller}: numWarps must be 1, 2, 4, 8, 16 or 32, got ${numWarps}`);
  }
  if (!Number.isInteger(numStages) || numStages < 1) {
    throw new Error(`${caller}: numStages must be 1 or more, got ${numStages}`);
  }
  const shapes: Readonly<Record<string, readonly number[] | undefined>> = launch.shapes;
  const unknown = Object.keys(shapes).find((name) => !kernel.parameters.some((p) => p.name === name));
  if (unknown !== undefined) {
    throw new Error(`${caller}: no array is named ${unknown}; there are ${namesOf(kernel)}`);
  }
  const arrays = (direction: 'input' | 'output'): (ArrayType & { name: string })[] =>
    kernel.parameters
      .filter((parameter) => parameter.direction === direction)
      .map(({ name, dtype }) => ({ name, dtype, shape: checkedShape(caller, name, shapes[name]) }));
  const [operands, results] = [arrays('input'), arrays('output')];
  const flops = launch.flops ?? programFlops(caller, kernel, grid);
  const arrayType = ({ shape, dtype }: ArrayType): ArrayType => ({ shape, dtype });
  const program: TileProgram = {
    name: kernel.name,
    ir: tritonIr(kernel),
    grid,
    numWarps,
    numStages,
    operands: operands.map(arrayType),
    results: results.map(arrayType),
    ...(Object.keys(aliases).length > 0 && {
      aliases: Object.entries(aliases).map(([to, from]) => aliasOf(caller, operands, results, to, from)),
    }),
    flops,
    bytes: [...operands, ...results].reduce(
      (bytes, { shape, dtype }) => bytes + sizeOf(shape) * bytesOf[dtype],
      0,
    ),
  };
  kernels.set(program, kernel);
  return program;
}

const kernels = new WeakMap<TileProgram, Kernel>();

/** The kernel that {@link tileProgram} made a program of; nothing of a copy. */
export function kernelOf(program: TileProgram): Kernel | undefined {
  return kernels.get(program);
}

function namesOf(kernel: Kernel): string {
  return kernel.parameters.map(({ name }) => name).join(', ');
}

function checkedShape(caller: string, name: string, shape: readonly number[] | undefined): readonly number[] {
  if (!Array.isArray(shape) || !shape.every((n) => Number.isInteger(n) && n >= 0)) {
    throw new Error(
      `${caller}: shapes.${name} must be a list of sizes, got ${shape === undefined ? 'nothing' : `[${shape}]`}`,
    );
  }
  if (sizeOf(shape) > 2 ** 31 - 1) {
    throw new Error(`${caller}: offsets have 32 bits, but ${name} [${shape}] has ${sizeOf(shape)} elements`);
  }
  return [...shape];
}

function programFlops(caller: string, kernel: Kernel, [x, y, z]: readonly [number, number, number]): number {
  const flops = flopsOf(kernel.body);
  if (flops === undefined) {
    throw new Error(`${caller}: a loop's trip count is known only on the device; say flops`);
  }
  return flops * x * y * z;
}

function aliasOf(
  caller: string,
  operands: readonly (ArrayType & { name: string })[],
  results: readonly (ArrayType & { name: string })[],
  to: string,
  from: string,
): { result: number; operand: number } {
  const result = results.findIndex(({ name }) => name === to);
  const operand = operands.findIndex(({ name }) => name === from);
  const [made, given] = [results[result], operands[operand]];
  const same = made?.dtype === given?.dtype && String(made?.shape) === String(given?.shape);
  if (made === undefined || given === undefined || !same) {
    throw new Error(
      `${caller}: aliases: ${to} can only take the memory of an input of its own type and shape, got ${from}`,
    );
  }
  return { result, operand };
}
