import { byteSize } from '@primal-attention/pjrt';
import { customCall } from '../hlo/custom-call.js';
import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { stringLiteral } from '../hlo/literals.js';
import { checkProgram, type TileProgram, typeOfArray } from './program.js';

/** What compiles Triton IR in XLA's CUDA plugin. */
const target = '__gpu$xla.gpu.triton';

/**
 * Calls a kernel. Operands come in the types that the program says; so do the results.
 *
 * @param keep whether the call is to be run even where nobody needs its results, and as often as it is written
 */
export function launch(
  b: FunctionBuilder,
  program: TileProgram,
  operands: readonly Value[],
  keep = false,
): Value[] {
  checkProgram(program);
  const { name, ir, grid, numWarps, numStages, aliases = [] } = program;
  const config = [
    `name = ${stringLiteral(name)}`,
    `num_warps = ${numWarps} : i32`,
    `num_stages = ${numStages} : i32`,
    ...grid.map((count, i) => `grid_${'xyz'[i]} = ${count} : i32`),
    'debug = false',
    `ir = ${stringLiteral(ir)}`,
  ];
  const attributes = ['backend_config = ""', `mhlo.backend_config = {${config.join(', ')}}`];
  if (keep) attributes.push('has_side_effect = true');
  if (aliases.length > 0) {
    // The results are a tuple when there are several.
    const place = (result: number): string => (program.results.length === 1 ? '' : String(result));
    const written = aliases.map(
      ({ result, operand }) =>
        `#stablehlo.output_operand_alias<output_tuple_indices = [${place(result)}], operand_index = ${operand}, operand_tuple_indices = []>`,
    );
    attributes.push(`output_operand_aliases = [${written.join(', ')}]`);
  }
  return customCall(b, {
    target,
    attributes: attributes.join(', '),
    operands,
    results: program.results.map(typeOfArray),
  });
}

/**
 * The kernel as part of a program of tfjs kernels. Operands are converted where they are stored in another way than the
 * kernel reads them; float results are stored as the kernel writes them, float16 excepted, which becomes float32.
 */
export function tileCall(b: FunctionBuilder, program: TileProgram, operands: readonly Value[]): Value[] {
  const taken = operands.map((value, i) => b.convert(value, typeOfArray(program.operands[i]).element));
  const results = launch(b, program, taken).map((value) =>
    value.type.element === 'f16' ? b.convert(value, 'f32') : value,
  );
  // A fragment counts the bytes of its operands and results; the kernel says itself what it moves.
  const counted = [...operands, ...results].reduce(
    (sum, { type }) => sum + byteSize(type.element, type.shape),
    0,
  );
  b.count({ flops: program.flops, bytes: program.bytes - counted });
  return results;
}

/** A program that does nothing but what `write` writes. */
export function moduleOf(b: FunctionBuilder, results: readonly Value[]): string {
  const parameters = b.parameters.map(({ name, type }) => `${name}: ${type.text}`).join(', ');
  const types = results.map(({ type }) => type.text).join(', ');
  return (
    `module @tile {\n  func.func public @main(${parameters}) -> (${types}) {\n` +
    b.lines.map((line) => `    ${line}\n`).join('') +
    `    return ${results.map(({ name }) => name).join(', ')} : ${types}\n  }\n}\n`
  );
}
