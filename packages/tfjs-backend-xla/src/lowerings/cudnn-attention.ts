import { customCall, type Layout } from '../hlo/custom-call.js';
import type { FunctionBuilder, Value } from '../hlo/function-builder.js';
import { stringLiteral } from '../hlo/literals.js';
import { tensorType } from '../hlo/types.js';
import { lowerOn } from './table.js';

/*
 * Softmax attention by cuDNN, through the custom calls of XLA's CUDA plugin: `__cudnn$fmhaSoftmax` and its gradient. They
 * take bf16 and no mask here. Queries, keys and values are [B, N, H, p]; the calls give [B, H, N, p] with a layout in which
 * the transposition back to [B, N, H, p] moves nothing.
 *
 * The plugin reads the configuration below by the names of its fields, so the text is exactly what it is used to.
 */

/** Which dimensions two operands of a product share, and over which it sums. */
function dot(lhsContracting: number, rhsContracting: number, lhsBatch: number[], rhsBatch: number[]): object {
  const list = (dims: number[]): string[] => dims.map(String);
  return {
    lhs_contracting_dimensions: list([lhsContracting]),
    rhs_contracting_dimensions: list([rhsContracting]),
    lhs_batch_dimensions: list(lhsBatch),
    rhs_batch_dimensions: list(rhsBatch),
  };
}

const forwardProducts = {
  bmm1_dot_dimension_numbers: dot(3, 3, [0, 2], [0, 2]),
  bmm2_dot_dimension_numbers: dot(3, 1, [0, 1], [0, 2]),
};

const backwardProducts = {
  bmm1_grad_gemm1_dot_dimension_numbers: dot(2, 1, [0, 1], [0, 2]),
  bmm1_grad_gemm2_dot_dimension_numbers: dot(3, 1, [0, 1], [0, 2]),
  bmm2_grad_gemm1_dot_dimension_numbers: dot(2, 1, [0, 1], [0, 2]),
  bmm2_grad_gemm2_dot_dimension_numbers: dot(3, 3, [0, 2], [0, 2]),
};

/** The custom calls' configuration, as a string of MLIR. @param weights the shape of the attention matrix, [B, H, M, N] */
function backendConfig(scale: number, weights: readonly number[], products: object): string {
  const config = {
    operation_queue_id: '0',
    cudnn_fmha_backend_config: {
      algorithm: {
        algo_id: '0',
        math_type: 'TENSOR_OP_MATH',
        tuning_knobs: { '17': '1', '24': '0' },
        is_cudnn_frontend: true,
        workspace_size: '0',
      },
      fmha_scale: scale,
      intermediate_tensor_shape: {
        element_type: 'BF16',
        dimensions: weights.map(String),
        tuple_shapes: [],
        layout: {
          dim_level_types: [],
          dim_unique: [],
          dim_ordered: [],
          minor_to_major: ['3', '2', '1', '0'],
          tiles: [],
          element_size_in_bits: '0',
          memory_space: '0',
          index_primitive_type: 'PRIMITIVE_TYPE_INVALID',
          pointer_primitive_type: 'PRIMITIVE_TYPE_INVALID',
          dynamic_shape_metadata_prefix_bytes: '0',
        },
        is_dynamic_dimension: [false, false, false, false],
      },
      is_flash_attention: true,
      mask_type: 'NO_MASK',
      ...products,
      dropout_rate: 0,
      seed: 42,
      sliding_window_length: 0,
      max_seg_per_batch: 1,
      is_paged_attention: false,
    },
  };
  return stringLiteral(spaced(config));
}

/** JSON with a space after commas and colons. */
function spaced(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(spaced).join(', ')}]`;
  if (typeof value !== 'object') return JSON.stringify(value);
  const fields = Object.entries(value as object).map(([name, field]) => {
    // A rate is a float, also when it is 0.
    return `"${name}": ${name === 'dropout_rate' ? '0.0' : spaced(field)}`;
  });
  // Integers come first among an object's keys, in ascending order, which is the order wanted here.
  return `{${fields.join(', ')}}`;
}

/** Of [B, H, N, p] that lies in memory as [B, N, H, p]. */
const headsThird: Layout = [3, 1, 2, 0];

function attentionCall(
  b: FunctionBuilder,
  target: string,
  config: string,
  operands: readonly Value[],
  results: readonly { shape: readonly number[]; element: 'bf16' | 'f32' }[],
): Value[] {
  return customCall(b, {
    target,
    attributes: `api_version = 2 : i32, backend_config = ${config}`,
    operands,
    // The last result is the call's workspace, whose size the compiler finds.
    results: [...results.map(({ element, shape }) => tensorType(element, shape)), tensorType('ui8', [0])],
    resultLayouts: [...results.map(({ shape }) => (shape.length === 4 ? headsThird : [2, 1, 0])), [0]],
  });
}

/**
 * softmax(q k^T scale) v: q [B, M, H, p], k and v [B, N, H, p] to [B, M, H, p], and the statistics of the rows that the
 * gradient needs, [B, H, M]: float32 numbers as int32, since float results are stored in whatever type the precision says.
 */
export function fusedAttention(
  b: FunctionBuilder,
  { q, k, v }: { q: Value; k: Value; v: Value },
  scale: number,
): [Value, Value] {
  const operands = [q, k, v].map((value) => b.convert(value, 'bf16'));
  const [batch, queries, heads, size] = q.type.shape;
  const keys = k.type.shape[1];
  const weights = [batch, heads, queries, keys];
  const pairs = batch * heads * queries * keys;
  b.count({ flops: pairs * (4 * size + 4), transcendentals: pairs });
  const [output, statistics] = attentionCall(
    b,
    '__cudnn$fmhaSoftmax',
    backendConfig(scale, weights, forwardProducts),
    operands,
    [
      { shape: [batch, heads, queries, size], element: 'bf16' },
      { shape: [batch, heads, queries], element: 'f32' },
    ],
  );
  return [b.convert(b.transpose(output, [0, 2, 1, 3]), 'f32'), b.bitcast(statistics, 'i32')];
}

/** The gradients of {@link fusedAttention} in q, k and v, for the output's gradient dy. */
export function fusedAttentionGradient(
  b: FunctionBuilder,
  inputs: { q: Value; k: Value; v: Value; statistics: Value; dy: Value; output: Value },
  scale: number,
): [Value, Value, Value] {
  const [q, k, v, dy, output] = [inputs.q, inputs.k, inputs.v, inputs.dy, inputs.output].map((value) =>
    b.convert(value, 'bf16'),
  );
  const statistics = b.bitcast(inputs.statistics, 'f32');
  const [batch, queries, heads, size] = q.type.shape;
  const keys = k.type.shape[1];
  const pairs = batch * heads * queries * keys;
  b.count({ flops: pairs * (10 * size + 4), transcendentals: pairs });
  const [dq, dk, dv] = attentionCall(
    b,
    '__cudnn$fmhaSoftmaxBackward',
    backendConfig(scale, [batch, heads, queries, keys], backwardProducts),
    [q, k, v, statistics, dy, output],
    [queries, keys, keys].map((rows) => ({ shape: [batch, heads, rows, size], element: 'bf16' as const })),
  );
  const inOrder = (value: Value): Value => b.convert(b.transpose(value, [0, 2, 1, 3]), 'f32');
  return [inOrder(dq), inOrder(dk), inOrder(dv)];
}

lowerOn('cuda', 'FusedAttention', (b, { q, k, v }, { scale }) =>
  fusedAttention(b, { q, k, v }, scale as number),
);

lowerOn('cuda', 'FusedAttentionGradient', (b, { q, k, v, statistics, dy, output }, { scale }) =>
  fusedAttentionGradient(b, { q, k, v, statistics, dy, output }, scale as number),
);
