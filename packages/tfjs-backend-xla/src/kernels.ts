import {
  type DataType,
  getKernel,
  getKernelsForBackend,
  type KernelFunc,
  registerKernel,
  type TensorInfo,
  util,
} from '@tensorflow/tfjs-core';
import type { XlaBackend } from './backend.js';
import { castKnown } from './cast-known.js';
import { runOnHost } from './fallback.js';
import { checks } from './index-checks.js';
import { gatherKnownRows } from './known-integers.js';
import { storeFloat } from './precision/gradient-storage.js';
import { sliceRows } from './slice-rows.js';
import './lowerings/index.js';
import { type Attributes, loweredKernels, loweringOf, platformOf, returnsList } from './lowerings/table.js';

export const backendName = 'xla';

/** Where a kernel runs: as part of a program, by sharing its input's data, or on the host. */
export type KernelKind = 'program' | 'view' | 'host';

const kinds = new Map<string, KernelKind>();

/** The registered kernels and where they run. */
export function kernelKinds(): ReadonlyMap<string, KernelKind> {
  return kinds;
}

type Run = (backend: XlaBackend, inputs: never, attrs: Attributes) => TensorInfo[] | TensorInfo;

function register(kernelName: string, kind: KernelKind, run: Run): void {
  kinds.set(kernelName, kind);
  const kernelFunc: KernelFunc = ({ inputs, attrs, backend }) =>
    run(backend as XlaBackend, inputs as never, (attrs ?? {}) as unknown as Attributes);
  registerKernel({ kernelName, backendName, kernelFunc });
}

function lowered(name: string) {
  const lowering = loweringOf(name)!;
  const check = checks[name];
  return (backend: XlaBackend, inputs: Record<string, TensorInfo>, attrs: Attributes) => {
    check?.(backend, inputs, attrs);
    const results = backend.runKernel(name, lowering, inputs, attrs);
    return returnsList(name) ? results : results[0];
  };
}

/** Registers what only devices of this platform run: to be called when there is a device. */
export function registerKernelsOf(platform: string): void {
  for (const name of loweredKernels()) {
    if (platformOf(name) === platform && getKernel(name, backendName) == null)
      register(name, 'program', lowered(name));
  }
}

/** Registers all kernels of the backend with tfjs: lowered ones, views, and tfjs's CPU kernels for the rest. */
export function registerKernels(): void {
  const slice = lowered('Slice');
  register(
    'Slice',
    'program',
    (backend, inputs: { x: TensorInfo }, attrs) =>
      sliceRows(backend, inputs.x, attrs) ?? slice(backend, inputs, attrs),
  );
  const gather = lowered('GatherV2');
  register(
    'GatherV2',
    'program',
    (backend, inputs: { x: TensorInfo; indices: TensorInfo }, attrs) =>
      gatherKnownRows(backend, inputs.x, inputs.indices, attrs) ?? gather(backend, inputs, attrs),
  );
  const cast = lowered('Cast');
  register(
    'Cast',
    'program',
    (backend, inputs: { x: TensorInfo }, attrs) =>
      castKnown(backend, inputs.x, attrs.dtype as DataType) ?? cast(backend, inputs, attrs),
  );
  for (const name of loweredKernels()) {
    if (platformOf(name) === undefined && !kinds.has(name)) register(name, 'program', lowered(name));
  }
  register('Identity', 'view', (backend, { x }: { x: TensorInfo }) => backend.view(x, x.shape));
  register('Reshape', 'view', (backend, { x }: { x: TensorInfo }, attrs) => {
    const size = util.sizeFromShape(x.shape);
    const shape = util.inferFromImplicitShape(attrs.shape as number[], size);
    util.assert(
      util.sizeFromShape(shape) === size,
      () => `reshape: ${size} elements of [${x.shape}] do not make a [${shape}]`,
    );
    return backend.view(x, shape);
  });
  register('ExpandDims', 'view', (backend, { input }: { input: TensorInfo }, attrs) => {
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
  register(storeFloat, 'program', (backend, { x }: { x: TensorInfo }, { element }) => {
    backend.makeRoom();
    return backend.tensorInfo(backend.convert(backend.operand(x), element as 'f32' | 'bf16'));
  });
  for (const { kernelName } of getKernelsForBackend('cpu')) {
    if (kinds.has(kernelName)) continue;
    register(kernelName, 'host', (backend, inputs, attrs) => runOnHost(backend, kernelName, inputs, attrs));
  }
}
