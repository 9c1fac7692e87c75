import type { StoredDtype } from '../language/dtype.js';
import type { ArrayType, TileProgram } from '../program.js';

/** The parts of `stablehlo.custom_call @target(operands) {attributes} : signature`. */
export interface CustomCall {
  /** The name under which XLA's CUDA plugin knows kernels in Triton IR. */
  readonly target: string;
  /** What stands between the braces. */
  readonly attributes: string;
  /** The types of operands and results. */
  readonly signature: string;
}

/** Element types of StableHLO, whose integers have a sign. */
const elementTypes: Record<StoredDtype, string> = {
  float32: 'f32',
  bfloat16: 'bf16',
  float16: 'f16',
  int32: 'i32',
  uint32: 'ui32',
};

/** A kernel as a custom call of a StableHLO program, for XLA's CUDA plugin of jaxlib 0.11.2. */
export function customCall(program: TileProgram): CustomCall {
  const { name, ir, grid, numWarps, numStages, operands, results, aliases = [] } = program;
  const integers = {
    num_warps: numWarps,
    num_stages: numStages,
    grid_x: grid[0],
    grid_y: grid[1],
    grid_z: grid[2],
  };
  const config = [
    `name = ${mlirString(name)}`,
    ...Object.entries(integers).map(([key, value]) => `${key} = ${value} : i32`),
    'debug = false',
    `ir = ${mlirString(ir)}`,
  ];
  const attributes = [
    'backend_config = ""',
    `mhlo.backend_config = {${config.join(', ')}}`,
    `operand_layouts = [${operands.map(rowMajor).join(', ')}]`,
    `result_layouts = [${results.map(rowMajor).join(', ')}]`,
  ];
  if (aliases.length > 0) {
    const pairs = aliases.map(({ result, operand }) => {
      // A single result is no tuple.
      const index = results.length === 1 ? '' : String(result);
      return `#stablehlo.output_operand_alias<output_tuple_indices = [${index}], operand_index = ${operand}, operand_tuple_indices = []>`;
    });
    attributes.push(`output_operand_aliases = [${pairs.join(', ')}]`);
  }
  const made = results.map(tensorType);
  return {
    target: '__gpu$xla.gpu.triton',
    attributes: attributes.join(', '),
    signature: `(${operands.map(tensorType).join(', ')}) -> ${made.length === 1 ? made[0] : `(${made.join(', ')})`}`,
  };
}

function tensorType({ shape, dtype }: ArrayType): string {
  return `tensor<${[...shape, elementTypes[dtype]].join('x')}>`;
}

/** The last axis is the densest. */
function rowMajor({ shape }: ArrayType): string {
  const axes = shape.map((_, i) => shape.length - 1 - i);
  // A list of one reads as a number, which is what a tensor of one is filled with.
  const dense = axes.length === 0 ? '' : axes.length === 1 ? '0' : `[${axes.join(', ')}]`;
  return `dense<${dense}> : tensor<${axes.length}xindex>`;
}

/** Text between quotes: quotes, backslashes and control characters as `\` and two hexadecimal digits. */
function mlirString(text: string): string {
  const escaped = text.replace(
    // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must be escaped
    /["\\\u0000-\u001f]/g,
    (character) => `\\${character.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
  return `"${escaped}"`;
}
