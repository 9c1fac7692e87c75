import type { FunctionBuilder, ProductPrecision, Value } from '../hlo/function-builder.js';

/**
 * What a kernel does with operands that are stored as bf16.
 *
 * - `any`: it moves or chooses numbers, in whatever type they have. Float results are bf16.
 * - `follow`: it computes in float32 and stores its float results as bf16.
 * - `product`: it multiplies bf16 by bf16, adds in float32, and stores its float results as bf16.
 * - `own`: it says itself what it takes and gives: operands reach it as they are stored, results stay as it makes them.
 * - `float32`: it computes in float32 and stores its results so. The policy of every kernel that is not in the table.
 */
export type StoragePolicy = 'any' | 'follow' | 'product' | 'own' | 'float32';

const kernels: Readonly<Record<Exclude<StoragePolicy, 'float32'>, readonly string[]>> = {
  any: [
    'BatchToSpaceND',
    'BroadcastTo',
    'Concat',
    'GatherNd',
    'GatherV2',
    'MirrorPad',
    'OnesLike',
    'Pack',
    'PadV2',
    'Reverse',
    'Select',
    'Slice',
    'SpaceToBatchND',
    'SplitV',
    'StridedSlice',
    'Tile',
    'Transpose',
    'Unpack',
    'ZerosLike',
  ],
  follow: [
    'Abs',
    'Add',
    'AddN',
    'Cast',
    'ClipByValue',
    'Elu',
    'EluGrad',
    'Erf',
    'FusedBatchNorm',
    'LeakyRelu',
    'Max',
    'MaxPool',
    'Maximum',
    'Min',
    'Minimum',
    'Multiply',
    'Neg',
    'Prelu',
    'RealDiv',
    'Relu',
    'Relu6',
    'Selu',
    'Sigmoid',
    'Sign',
    'Softplus',
    'Square',
    'Step',
    'Sub',
    'Tanh',
  ],
  // What tfjs's tape calls for their gradients is here too: the backward pass runs outside the autocast.
  product: [
    'BatchMatMul',
    'Conv2D',
    'Conv2DBackpropFilter',
    'Conv2DBackpropInput',
    'Conv3D',
    'Conv3DBackpropFilterV2',
    'Conv3DBackpropInputV2',
    'DepthwiseConv2dNative',
    'DepthwiseConv2dNativeBackpropFilter',
    'DepthwiseConv2dNativeBackpropInput',
    'Einsum',
    'FusedAttention',
    'FusedAttentionGradient',
    'FusedConv2D',
    'FusedDepthwiseConv2D',
    '_FusedMatMul',
  ],
  own: ['TileCall'],
};

/**
 * Kernels that `follow` and may as well be written in bf16 when all their operands are: the float32 result, rounded, is the
 * bf16 result. It matters to the compiler, which is free to leave out a rounding to bf16 and back (XLA calls it excess
 * precision), and may then store what lies between two kernels as float32. An operation in bf16 has nothing to leave out.
 */
const sameInBf16 = new Set(['Abs', 'Add', 'Multiply', 'Neg', 'Square', 'Sub']);

const policies = new Map<string, StoragePolicy>();
for (const [policy, names] of Object.entries(kernels)) {
  for (const name of names) policies.set(name, policy as StoragePolicy);
}

export function storagePolicy(kernel: string): StoragePolicy {
  return policies.get(kernel) ?? 'float32';
}

/** How a kernel is written: types of the operands that the lowering sees, of its products, and of what is stored. */
export interface StoragePlan {
  readonly operands: 'f32' | 'bf16';
  readonly products: ProductPrecision;
  readonly results: 'f32' | 'bf16';
}

/** Everything in float32, with products in a given precision. */
export function floatPlan(products: ProductPrecision): StoragePlan {
  return { operands: 'f32', products, results: 'f32' };
}

/**
 * For a kernel that has a bf16 operand, or that brings its operands into bf16.
 *
 * @param allNarrow whether every float operand is bf16
 */
export function narrowPlan(
  kernel: string,
  policy: Exclude<StoragePolicy, 'own'>,
  products: ProductPrecision,
  allNarrow: boolean,
): StoragePlan {
  switch (policy) {
    case 'any':
      return { operands: 'bf16', products, results: 'bf16' };
    case 'follow':
      return { operands: allNarrow && sameInBf16.has(kernel) ? 'bf16' : 'f32', products, results: 'bf16' };
    case 'product':
      return { operands: 'f32', products: 'bf16', results: 'bf16' };
    case 'float32':
      return floatPlan(products);
  }
}

/** Writes a kernel by a plan. No lowering need know of bf16: those that compute see float32 alone. */
export function writeWithPlan(
  b: FunctionBuilder,
  plan: StoragePlan,
  write: (operands: Value[]) => Value | Value[],
): Value[] {
  b.productPrecision = plan.products;
  b.narrowProducts = plan.results === 'bf16';
  const stored = (value: Value, element: 'f32' | 'bf16'): Value =>
    value.type.element === 'f32' || value.type.element === 'bf16' ? b.convert(value, element) : value;
  const written = write(b.parameters.map((value) => stored(value, plan.operands)));
  return (Array.isArray(written) ? written : [written]).map((value) => stored(value, plan.results));
}
