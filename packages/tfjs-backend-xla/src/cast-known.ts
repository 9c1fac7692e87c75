import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';
import type { XlaBackend } from './backend.js';

/**
 * Casts that need no program: to the dtype that the tensor has, and of numbers on the host to integers, so that indices
 * given as floats (token ids, most often) are still known when a kernel checks their range.
 *
 * @returns undefined for every other cast
 */
export function castKnown(backend: XlaBackend, x: TensorInfo, dtype: DataType): TensorInfo | undefined {
  if (x.dtype === dtype && dtype !== 'string') return backend.view(x, x.shape);
  if (backend.tracing || x.dtype !== 'float32' || dtype !== 'int32') return undefined;
  const values = backend.knownOnHost(x);
  if (values === undefined) return undefined;
  return {
    dataId: backend.write(Int32Array.from(values, toInteger), x.shape, 'int32'),
    shape: x.shape,
    dtype,
  };
}

/** As the device does it: towards 0, NaN is 0, and numbers beyond the ends are the ends. */
function toInteger(value: number): number {
  if (Number.isNaN(value)) return 0;
  return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(value)));
}
