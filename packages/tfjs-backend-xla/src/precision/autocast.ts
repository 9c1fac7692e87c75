import { engine, Tensor } from '@tensorflow/tfjs-core';
import type { XlaBackend } from '../backend.js';
import { flatten, unflatten } from '../jit/tree.js';
import { storeFloat, widen } from './gradient-storage.js';
import type { AutocastPrecision } from './precision.js';

/** The backend's `autocast`; its contract is in @primal-attention/runtime. */
export function autocast<R>(backend: XlaBackend, precision: AutocastPrecision, fn: () => R): R {
  const undo = precision === 'float32' ? widenOperands(backend) : () => {};
  let result: R;
  try {
    result = backend.precision.within({ autocast: precision }, 'autocast', fn);
  } finally {
    undo();
  }
  return widenResult(backend, result);
}

/** Inside `autocast('float32')` kernels and gradients see no bf16: operands from outside are widened, on the tape. */
function widenOperands(backend: XlaBackend): () => void {
  const target = engine();
  const { runKernel, customGrad } = target;
  const own = { runKernel: Object.hasOwn(target, 'runKernel'), customGrad: Object.hasOwn(target, 'customGrad') };
  const wide = <T>(value: T): T =>
    // Not in an autocast to bf16 inside this one.
    backend.precision.autocast === 'float32' && value instanceof Tensor && backend.isNarrow(value)
      ? (widen(value) as T)
      : value;
  target.runKernel = function (this: typeof target, name, inputs, attrs) {
    if (name === storeFloat) return runKernel.call(target, name, inputs, attrs) as never;
    const widened = Array.isArray(inputs)
      ? inputs.map(wide)
      : Object.fromEntries(Object.entries(inputs).map(([key, input]) => [key, wide(input)]));
    return runKernel.call(target, name, widened as never, attrs) as never;
  };
  target.customGrad = function (this: typeof target, f) {
    const run = customGrad.call(target, f as never);
    return (...inputs) => run(...inputs.map(wide)) as never;
  };
  return () => {
    // Methods of the prototype come back when the instance's own are deleted.
    if (own.runKernel) target.runKernel = runKernel;
    else delete (target as { runKernel?: unknown }).runKernel;
    if (own.customGrad) target.customGrad = customGrad;
    else delete (target as { customGrad?: unknown }).customGrad;
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
