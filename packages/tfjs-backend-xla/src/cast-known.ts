import type { DataType, TensorInfo } from '@tensorflow/tfjs-core';
import type { XlaBackend } from './backend.js';

/**
 * Casts that need no program: to the dtype that the tensor has, and of numbers on the host between integers and floats, so
 * that indices given as floats (token ids, most often) are still known when a kernel checks their range. A layers model
 * takes all inputs as floats unless told otherwise, and its embedding casts them back.
 *
 * @returns undefined for every other cast
 */
export function castKnown(backend: XlaBackend, x: TensorInfo, dtype: DataType): TensorInfo | undefined {
  if (x.dtype === dtype && dtype !== 'string') return backend.view(x, x.shape);
  const toInt = x.dtype === 'float32' && dtype === 'int32';
  const toFloat = x.dtype === 'int32' && dtype === 'float32';
  if (backend.tracing || !(toInt || toFloat)) return undefined;
  const values = backend.knownOnHost(x);
  if (values === undefined) return undefined;
  const result = toInt ? Int32Array.from(values, toInteger) : Float32Array.from(values);
  return { dataId: backend.write(result, x.shape, dtype), shape: x.shape, dtype };
}

/** As the device does it: towards 0, NaN is 0, and numbers beyond the ends are the ends. */
function toInteger(value: number): number {
  if (Number.isNaN(value)) return 0;
  return Math.max(-(2 ** 31), Math.min(2 ** 31 - 1, Math.trunc(value)));
}
