import { kernelOf } from '../emit/tile-program.js';
import type { TileProgram } from '../program.js';
import { interpret } from './interpret.js';

/**
 * Runs a program in the interpreter, as a device would: numbers of the operands in, numbers of the results out, each in their
 * order. With it a test can stand in for a GPU.
 *
 * @param program what `tileProgram` made: the object itself, since a copy has the kernel's text alone
 * @param operands row-major numbers
 * @param options see {@link interpret}
 */
export function interpretProgram(
  program: TileProgram,
  operands: readonly ArrayLike<number>[],
  options: { readonly roundTf32?: boolean } = {},
): (Float32Array | Int32Array | Uint32Array)[] {
  const kernel = kernelOf(program);
  if (kernel === undefined) {
    throw new Error(
      `interpretProgram: '${program.name}' is not what tileProgram returned, but a copy or from elsewhere; give the object itself`,
    );
  }
  if (operands.length !== program.operands.length) {
    throw new Error(
      `interpretProgram: '${program.name}' has ${program.operands.length} operands, got ${operands.length}`,
    );
  }
  const namesOf = (direction: 'input' | 'output'): string[] =>
    kernel.parameters.filter((parameter) => parameter.direction === direction).map(({ name }) => name);
  const [inputNames, outputNames] = [namesOf('input'), namesOf('output')];
  const results = interpret(kernel, {
    ...options,
    grid: program.grid,
    inputs: Object.fromEntries(inputNames.map((name, i) => [name, operands[i]])),
    outputs: Object.fromEntries(outputNames.map((name, i) => [name, program.results[i].shape])),
    aliases: Object.fromEntries(
      (program.aliases ?? []).map(({ result, operand }) => [outputNames[result], inputNames[operand]]),
    ),
  });
  const made: Readonly<Record<string, Float32Array | Int32Array | Uint32Array>> = results;
  return outputNames.map((name) => made[name]);
}
