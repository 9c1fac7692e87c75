import type { FunctionBuilder, Value } from './function-builder.js';
import type { TensorType } from './types.js';

/** Dimensions of an array, from the one whose elements are neighbours in memory to the one whose are farthest apart. */
export type Layout = readonly number[];

/** A call of something that the plugin brings, beside StableHLO's own operations. */
export interface CustomCall {
  readonly target: string;
  /** Attributes as StableHLO writes them, between braces, but for the layouts. */
  readonly attributes: string;
  /** Row-major each. */
  readonly operands: readonly Value[];
  readonly results: readonly TensorType[];
  /** Default: every result is row-major. */
  readonly resultLayouts?: readonly Layout[];
}

/** Writes a custom call. The plugin looks for its target when the program is compiled. */
export function customCall(
  b: FunctionBuilder,
  { target, attributes, operands, results, resultLayouts }: CustomCall,
): Value[] {
  const types = operands.map(({ type }) => type);
  const resultText = results.map(({ text }) => text).join(', ');
  const text =
    `stablehlo.custom_call @${target}(${operands.map(({ name }) => name).join(', ')}) {${attributes}, ` +
    `operand_layouts = [${types.map(rowMajor).map(written).join(', ')}], ` +
    `result_layouts = [${(resultLayouts ?? results.map(rowMajor)).map(written).join(', ')}]} : ` +
    `(${types.map(({ text }) => text).join(', ')}) -> ${results.length === 1 ? resultText : `(${resultText})`}`;
  return results.length === 1 ? [b.emit(text, results[0])] : b.emitMany(text, results);
}

function rowMajor({ shape }: TensorType): Layout {
  return shape.map((_, i) => shape.length - 1 - i);
}

function written(layout: Layout): string {
  const numbers = layout.length > 1 ? `[${layout.join(', ')}]` : layout.join('');
  return `dense<${numbers}> : tensor<${layout.length}xindex>`;
}
