import {
  getKernelsForBackend,
  type KernelFunc,
  registerKernel,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import type { XlaBackend } from './backend.js';
import { runOnHost } from './fallback.js';
import { checks } from './index-checks.js';
import { castKnown, gatherKnownRows } from './known-integers.js';
import { sliceRows } from './slice-rows.js';
import './lowerings/index.js';
import { type Attributes, loweredKernels, loweringOf, returnsList } from './lowerings/table.js';

export const backendName = 'xla';

/** Registers all kernels of the backend with tfjs: lowered ones, views, and tfjs's CPU kernels for the rest. */
export function registerKernels(): void {
  const registered = new Set<string>();
  const register = (
    kernelName: string,
    run: (backend: XlaBackend, inputs: never, attrs: Attributes) => TensorInfo[] | TensorInfo,
  ): void => {
    registered.add(kernelName);
    const kernelFunc: KernelFunc = ({ inputs, attrs, backend }) =>
      run(backend as XlaBackend, inputs as never, (attrs ?? {}) as unknown as Attributes);
    registerKernel({ kernelName, backendName, kernelFunc });
  };
  const lowered = (name: string) => {
    const lowering = loweringOf(name)!;
    const check = checks[name];
    return (backend: XlaBackend, inputs: Record<string, TensorInfo>, attrs: Attributes) => {
      check?.(backend, inputs, attrs);
      const results = backend.runKernel(name, lowering, inputs, attrs);
      return returnsList(name) ? results : results[0];
    };
  };
  const slice = lowered('Slice');
  register(
    'Slice',
    (backend, inputs: { x: TensorInfo }, attrs) =>
      sliceRows(backend, inputs.x, attrs) ?? slice(backend, inputs, attrs),
  );
  const gather = lowered('GatherV2');
  register(
    'GatherV2',
    (backend, inputs: { x: TensorInfo; indices: TensorInfo }, attrs) =>
      gatherKnownRows(backend, inputs.x, inputs.indices, attrs) ?? gather(backend, inputs, attrs),
  );
  const cast = lowered('Cast');
  register('Cast', (backend, inputs: { x: TensorInfo }, attrs) => {
    const { x } = inputs;
    if (x.dtype === attrs.dtype) return backend.view(x, x.shape);
    return castKnown(backend, x, attrs.dtype as string) ?? cast(backend, inputs, attrs);
  });
  for (const name of loweredKernels()) if (!registered.has(name)) register(name, lowered(name));
  register('Identity', (backend, { x }: { x: TensorInfo }) => backend.view(x, x.shape));
  register('Reshape', (backend, { x }: { x: TensorInfo }, attrs) => {
    const size = util.sizeFromShape(x.shape);
    const shape = util.inferFromImplicitShape(attrs.shape as number[], size);
    util.assert(
      util.sizeFromShape(shape) === size,
      () => `reshape: ${size} elements of [${x.shape}] do not make a [${shape}]`,
    );
    return backend.view(x, shape);
  });
  register('ExpandDims', (backend, { input }: { input: TensorInfo }, attrs) => {
    const rank = input.shape.length;
    const dim = attrs.dim as number;
    util.assert(
      -(rank + 1) <= dim && dim <= rank,
      () => `expandDims: axis must be in [${-(rank + 1)}, ${rank}], got ${dim}`,
    );
    const shape = [...input.shape];
    shape.splice(dim < 0 ? rank + 1 + dim : dim, 0, 1);
    return backend.view(input, shape);
  });
  for (const { kernelName } of getKernelsForBackend('cpu')) {
    if (registered.has(kernelName)) continue;
    register(kernelName, (backend, inputs, attrs) => runOnHost(backend, kernelName, inputs, attrs));
  }
}
