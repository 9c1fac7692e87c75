import * as tf from '@tensorflow/tfjs';
import { MathBackendCPU } from '@tensorflow/tfjs-backend-cpu';

/*
 * A tfjs backend whose kernels are those of `cpu`, off by rounding: the size of error that a backend with other orders of
 * summation and other formulas for transcendental functions may have.
 */

/** Half a unit in the last place of a float32, relative to it. */
export const halfUnit = 2 ** -24;
export const smallestNormal = 2 ** -126;

/** Transcendental functions, quotients, means: XLA's tanh, the worst one, is off by 5 units. */
const approximate = 16 * halfUnit;
/** A rounding, or the few of a short sum. */
const arithmetic = 4 * halfUnit;

/** Kernels that move numbers, compare, or compute with integers. */
const exactKernels = new Set([
  'Abs',
  'All',
  'Any',
  'ArgMax',
  'ArgMin',
  'BatchToSpaceND',
  'BroadcastTo',
  'Concat',
  'DepthToSpace',
  'Equal',
  'ExpandDims',
  'Fill',
  'FlipLeftRight',
  'GatherNd',
  'GatherV2',
  'Greater',
  'GreaterEqual',
  'Identity',
  'IsFinite',
  'IsInf',
  'IsNan',
  'Less',
  'LessEqual',
  'LogicalAnd',
  'LogicalNot',
  'LogicalOr',
  'Max',
  'MaxPool',
  'Min',
  'MirrorPad',
  'Neg',
  'NotEqual',
  'OneHot',
  'OnesLike',
  'Pack',
  'PadV2',
  'Range',
  'Reshape',
  'ResizeNearestNeighbor',
  'Reverse',
  'SearchSorted',
  'Select',
  'Slice',
  'SpaceToBatchND',
  'SplitV',
  'StridedSlice',
  'TensorScatterUpdate',
  'Tile',
  'TopK',
  'Transpose',
  'Unpack',
  'ZerosLike',
]);

/** Kernels that give small round numbers exactly for small round numbers, since they only add, multiply and choose. */
const arithmeticKernels = new Set([
  'Add',
  'AddN',
  'BatchMatMul',
  'Cast',
  'Ceil',
  'ClipByValue',
  'Conv2D',
  'Conv2DBackpropFilter',
  'Conv2DBackpropInput',
  'Cumprod',
  'Cumsum',
  'DenseBincount',
  'DepthwiseConv2dNative',
  'DepthwiseConv2dNativeBackpropFilter',
  'DepthwiseConv2dNativeBackpropInput',
  'Einsum',
  'Floor',
  'Maximum',
  'MaxPoolGrad',
  'Minimum',
  'Multiply',
  'Prelu',
  'Prod',
  'Relu',
  'Relu6',
  'Round',
  'ScatterNd',
  'Sign',
  'Square',
  'SquaredDifference',
  'Step',
  'Sub',
  'Sum',
  'UnsortedSegmentSum',
]);

/** Errors that are not relative to the result: tfjs computes elu as exp(x) - 1, and erf by a formula good to 1.5e-7. */
const absoluteErrors: Readonly<Record<string, number>> = {
  Elu: 1.2e-7,
  Selu: 2.4e-7,
  Erf: 3e-7,
  _FusedMatMul: 1.2e-7,
};

let random = (): number => 0;

/** Runs `fn` with the noise of a seed: the same noise for the same sequence of kernels. */
export function withNoise<T>(seed: number, fn: () => T): T {
  let state = Math.imul(seed, 0x9e3779b9) >>> 0;
  // In ±[0.5, 1): noise that happens to be almost nothing would show nothing.
  random = () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const size = 0.5 + (state >>> 9) / 2 ** 24;
    return state >>> 31 === 0 ? size : -size;
  };
  return fn();
}

/** Numbers such as 3 or -0.25, which short sums and products of their kind give exactly. */
function isRound(value: number): boolean {
  return Math.abs(value) < 2 ** 20 && Number.isInteger(4 * value);
}

/** Numbers that a program is given: off by a rounding, as if they had been computed, so that what cancels shows. */
export function disturb(values: readonly number[]): readonly number[] {
  return values.map((value) => (isRound(value) ? value : value * (1 + arithmetic * random())));
}

function disturbResult(kernelName: string, values: Float32Array): void {
  const isArithmetic = arithmeticKernels.has(kernelName);
  const relative = isArithmetic ? arithmetic : approximate;
  const absolute = absoluteErrors[kernelName] ?? 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    // The sign of a zero is not compared, so what follows from it must not be either.
    if (value === 0) values[i] = random() < 0 ? -0 : 0;
    // Denormal numbers are zero to XLA.
    else if (Math.abs(value) < 4 * smallestNormal) values[i] = 0;
    else if (!isArithmetic || !isRound(value)) values[i] = value * (1 + relative * random());
    if (absolute !== 0) values[i] += absolute * random();
  }
}

/** Registers the backend `disturbed`. */
export function registerDisturbedBackend(): void {
  tf.registerBackend('disturbed', () => {
    const backend = new MathBackendCPU();
    // On its first use it would advise to install another backend.
    (backend as unknown as { firstUse: boolean }).firstUse = false;
    return backend;
  });
  for (const { kernelName, kernelFunc } of tf.getKernelsForBackend('cpu')) {
    tf.registerKernel({
      kernelName,
      backendName: 'disturbed',
      kernelFunc: (call) => {
        const results = kernelFunc(call);
        if (exactKernels.has(kernelName)) return results;
        const given = new Set(
          Object.values(call.inputs).map((input) => (input as tf.TensorInfo | undefined)?.dataId),
        );
        for (const { dataId, dtype } of [results].flat()) {
          // Data that a result shares with an operand is not its own.
          if (dtype !== 'float32' || given.has(dataId)) continue;
          disturbResult(kernelName, (call.backend as MathBackendCPU).readSync(dataId) as Float32Array);
        }
        return results;
      },
    });
  }
}
