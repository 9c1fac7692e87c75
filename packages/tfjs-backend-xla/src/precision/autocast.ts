import { engine, OP_SCOPE_SUFFIX, Tensor } from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';
import { flatten, unflatten } from '../jit/tree.js';
import { storeFloat, widen } from './gradient-storage.js';
import type { AutocastPrecision } from './precision.js';

/**
 * tfjs operations of several kernels that are computed in float32 as a whole: rounding between their kernels would show in
 * the loss.
 */
const float32Operations = new Set(
  [
    'absoluteDifference',
    'computeWeightedLoss',
    'cosineDistance',
    'hingeLoss',
    'huberLoss',
    'logLoss',
    'logSoftmax',
    'logSumExp',
    'meanSquaredError',
    'sigmoidCrossEntropy',
    'softmaxCrossEntropy',
  ].map((name) => `${name}${OP_SCOPE_SUFFIX}`),
);

/** The backend's `autocast`; its contract is in @primal-attention/runtime. */
export function autocast<R>(backend: XlaBackend, precision: AutocastPrecision, fn: () => R): R {
  // The outermost autocast watches the engine for those inside it.
  const stopWatching = backend.precision.autocast === undefined ? watchEngine(backend) : undefined;
  let result: R;
  try {
    result = backend.precision.within({ autocast: precision }, 'autocast', fn);
  } finally {
    stopWatching?.();
  }
  return widenResult(backend, result);
}

/**
 * While an autocast is to float32, kernels and gradients see no bf16: operands are widened first, on the tape. While it is
 * to bf16, operations that must be float32 as a whole make it so until they end.
 */
function watchEngine(backend: XlaBackend): () => void {
  const target = engine();
  const { precision } = backend;
  const { runKernel, customGrad, startScope, endScope } = target;
  /** How many scopes of tfjs are open inside an operation of float32, with its own. */
  let depth = 0;
  const wide = <T>(value: T): T =>
    value instanceof Tensor && backend.isNarrow(value) ? (widen(value) as T) : value;
  const methods: Pick<typeof target, 'runKernel' | 'customGrad' | 'startScope' | 'endScope'> = {
    runKernel(name, inputs, attrs) {
      if (precision.autocast !== 'float32' || name === storeFloat) {
        return runKernel.call(target, name, inputs, attrs) as never;
      }
      const widened = Array.isArray(inputs)
        ? inputs.map(wide)
        : Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, wide(input)]));
      return runKernel.call(target, name, widened as never, attrs) as never;
    },
    customGrad(f) {
      const run = customGrad.call(target, f as never);
      return (...inputs) => run(...(precision.autocast === 'float32' ? inputs.map(wide) : inputs)) as never;
    },
    startScope(name) {
      startScope.call(target, name);
      if (depth > 0) depth++;
      else if (precision.autocast === 'bf16' && float32Operations.has(name ?? '')) {
        depth = 1;
        precision.autocast = 'float32';
      }
    },
    endScope(result) {
      endScope.call(target, result);
      if (depth > 0 && --depth === 0) precision.autocast = 'bf16';
    },
  };
  // Own properties hide the prototype's methods until they are deleted.
  Object.assign(target, methods);
  return () => {
    for (const name of Object.keys(methods)) delete (target as unknown as Record<string, unknown>)[name];
  };
}

/** What leaves an autocast is float32 again, so that a loss outside is computed in float32. */
function widenResult<R>(backend: XlaBackend, result: R): R {
  // Another autocast around this one goes on in bf16, but its own result passes here too.
  if (!backend.precision.narrowed || backend.precision.autocast === 'bf16') return result;
  const tensors: Tensor[] = [];
  const spec = flatten(result, tensors);
  const wide = new Map<Tensor, Tensor>();
  for (const tensor of tensors) {
    if (backend.isNarrow(tensor) && !wide.has(tensor)) wide.set(tensor, widen(tensor));
  }
  if (wide.size === 0) return result;
  // Nobody else has seen them.
  for (const tensor of wide.keys()) tensor.dispose();
  return unflatten(
    spec,
    tensors.map((tensor) => wide.get(tensor) ?? tensor),
  ) as R;
}
